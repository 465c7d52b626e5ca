"""HTTP messages, cookies, CSRF tokens and URLs, independent of a web framework."""
