"""The virtual power plant: a microgrid that the bulk market sees as one participant."""
