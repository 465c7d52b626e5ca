"""What `auth()` costs, measured against the same routes without it: `make bench`."""
