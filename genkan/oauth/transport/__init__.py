"""HTTP calls to providers: bounded in time, size and number."""
