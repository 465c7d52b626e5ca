"""Providers: their endpoints, scopes and profiles, one module each, and the registry of those that are enabled."""
