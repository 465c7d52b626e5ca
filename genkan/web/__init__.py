"""The only sub-package that serves requests with Flask."""
