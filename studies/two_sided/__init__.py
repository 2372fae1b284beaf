"""What the studies of two-sided collusion share."""
