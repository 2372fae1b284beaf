"""Firms with portfolios on large grids learn mark-ups: do they collude, through which lines, and who pays?"""
