"""ElecBay: a central auction of sealed bids, blocks and a security check."""
