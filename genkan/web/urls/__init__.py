"""URLs that depend on the current request, or that have the origin of AUTH_URL."""
