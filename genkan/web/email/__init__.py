"""Views of sign-in by mail."""
