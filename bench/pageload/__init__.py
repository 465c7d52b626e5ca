"""Loading of a page with a user menu in a browser: `python -m bench.pageload`."""
