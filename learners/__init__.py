"""What participants do: actions, strategies, the game around a market, equilibria and measures."""
