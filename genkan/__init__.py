"""Signing in for Flask: the reusable core. `genkan.flask` is its face; docs/architecture.md draws the rooms."""
