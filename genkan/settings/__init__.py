"""Settings: read from the environment and checked."""
