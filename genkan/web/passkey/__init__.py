"""Views of sign-in with passkeys."""
