"""The commands of `flask genkan`."""
