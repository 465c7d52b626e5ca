"""Signing in for Flask: the reusable core. `genkan.web` is its face; docs/architecture.md draws the rooms."""
