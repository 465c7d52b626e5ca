"""Other extensions of the application: what has to be left out, so that they and our own pages work side by side."""
