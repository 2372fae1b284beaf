"""Posted offers against an operator's price."""
