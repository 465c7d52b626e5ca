"""Caches of one worker, and one for all workers."""
