"""From a solver's answer to the exact one: dispatch among equals, prices by rule, directions, proofs."""
