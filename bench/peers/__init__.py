"""Session route of other libraries, on the same machine in the same run: `python -m bench.peers`."""
