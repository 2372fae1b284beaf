"""What the engine works on: the declared layout, the store generated from it, and numbers in and out."""
