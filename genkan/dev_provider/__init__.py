"""Development identity provider: an OpenID provider inside the application that signs in any user without a password.

`endpoints.py` is imported when the provider is on: it needs Authlib's server, which production never does.
"""

CLIENT_ID = "genkan-development"

PATH = "/development"
"""Path that the routes are below."""
