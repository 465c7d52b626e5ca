"""Stores for sign-in by mail and by password in SQL databases."""
