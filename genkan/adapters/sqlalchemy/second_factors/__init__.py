"""Store of second factors in SQL databases."""
