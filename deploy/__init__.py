"""How the reference application is run."""
