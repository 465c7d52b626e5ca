"""Views of sign-in by password."""
