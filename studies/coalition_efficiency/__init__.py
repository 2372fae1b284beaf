"""What it costs that owners of private lines trade for themselves, against the density of private lines."""
