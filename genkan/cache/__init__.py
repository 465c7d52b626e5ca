"""Caches: one in the memory of a worker, one shared by all workers."""
