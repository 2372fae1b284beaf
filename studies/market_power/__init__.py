"""Tables of the market-power scan."""
