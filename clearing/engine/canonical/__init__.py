"""The one outcome of an active set, and of tied orders (laws 3 and 4)."""
