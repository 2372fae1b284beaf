"""The commands of `walras`, one file each. Heavy libraries are imported inside the commands only."""
