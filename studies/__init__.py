"""Questions and answers: the command line, pictures, pages, and the named studies with their runner.

Importing the package costs nothing; each command loads what it needs.
"""
