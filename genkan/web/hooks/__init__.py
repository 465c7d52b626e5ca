"""Functions that Flask calls for every request."""
