"""Views of second factors."""
