"""Sign-in by password: rules, hashes and limits."""
