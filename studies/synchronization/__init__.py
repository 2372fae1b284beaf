"""Synchronization games in a neighbourhood: what is learned, why, the honest equilibrium, and remedies."""
