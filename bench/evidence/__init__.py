"""Experiments with the running application, whose results are the table in docs/evidence.md."""
