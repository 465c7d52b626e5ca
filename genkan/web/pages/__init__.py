"""Pages of the package that need no action."""
