"""Our tables in the database of an application, and the users of the application itself."""
