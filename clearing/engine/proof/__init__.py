"""Prices that support a dispatch (law 5), and the certificate that they do (law 6)."""
