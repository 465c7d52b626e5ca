"""Benchmarks of `auth()`, against the same routes without it. `make bench` runs them."""
