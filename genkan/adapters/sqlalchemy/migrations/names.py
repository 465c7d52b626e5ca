"""Names of tables in the migrations, which run for Genkan's own names and for those of Auth.js."""

from __future__ import annotations

from alembic import op

PREFIX = "genkan_"


def is_authjs() -> bool:
    """Return True if the tables of Auth.js are created or adopted."""
    config = op.get_context().config
    return config is not None and config.attributes["naming"] == "authjs"


def table_name(name: str) -> str:
    """Return the table's name: `name` itself, or with the prefix if it has none."""
    return name if is_authjs() or name.startswith(PREFIX) else PREFIX + name


def verification_tokens() -> str:
    """Return the name of the table of links that were sent by mail. Auth.js's has no plural."""
    return "verification_token" if is_authjs() else "genkan_verification_tokens"
