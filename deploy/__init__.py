"""Development and production servers of the reference application, and its logging."""
