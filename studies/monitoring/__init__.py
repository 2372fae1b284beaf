"""What the studies of market monitoring share: series of books, tables and pictures."""
