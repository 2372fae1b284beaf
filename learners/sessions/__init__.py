"""Sessions: the loop in which learners play a game, its files, stopping rules and traces."""
