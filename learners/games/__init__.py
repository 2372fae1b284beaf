"""Games: who plays, what they may do, and what they earn."""
