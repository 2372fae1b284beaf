"""What the studies of market power share: portfolios, cells, tables and pictures."""
