"""The dual simplex on balance rows and binding lines."""
