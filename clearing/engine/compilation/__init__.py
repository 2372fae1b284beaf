"""How the engine's functions are compiled, and called."""
