"""Books with slopes: the active set by Newton steps or a dual active-set method."""
