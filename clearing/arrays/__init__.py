"""Models as arrays: programs, and the bridges from Pyomo that compile a model once."""
