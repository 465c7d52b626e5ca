"""Behaviour under load: `python -m bench.load`."""
