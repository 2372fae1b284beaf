"""All remedies against colluding homes on the same seeds: collusion index, welfare, consumers' bill."""
