"""Sessions: read, issued, extended and revoked."""
