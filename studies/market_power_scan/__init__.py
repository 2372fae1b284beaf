"""Who could move the prices of a case, and what it would pay: a scan of every firm."""
