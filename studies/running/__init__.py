"""How a study runs: specs, cells, workers, stored parts, resumption."""
