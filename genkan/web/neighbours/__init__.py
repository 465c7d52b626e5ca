"""Other extensions of the application. Nothing of theirs is changed, except what would break our own pages."""
