"""The commands `flask sessions` and `flask users`."""
