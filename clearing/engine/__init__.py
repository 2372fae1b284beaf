"""The round engine: exact clearings of one book structure with new numbers, in compiled batches."""
