"""The poster's eight-node example: who trades with whom in each of four models, and who is paid what."""
