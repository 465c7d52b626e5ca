"""Store of passkeys in SQL databases."""
