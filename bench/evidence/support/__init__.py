"""Application, clients and workers of the experiments."""
