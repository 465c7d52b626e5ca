"""Sign-in for Flask with OAuth 2.0 and OpenID Connect, compatible with Auth.js."""
