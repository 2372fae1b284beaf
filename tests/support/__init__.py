"""Helpers shared by the tests; nothing here imports the code under test except the nouns it reads."""
