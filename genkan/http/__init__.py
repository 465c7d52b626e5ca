"""HTTP messages, cookies, CSRF tokens and URLs, without a framework."""
