"""Dense, sparse and eightfold arithmetic."""
