"""Coalition trading on a public grid with private lines: four models of behaviour."""
