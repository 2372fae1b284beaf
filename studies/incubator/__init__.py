"""The pricing incubator: what a market monitor can find by clearing the same books at truthful costs."""
