"""Database of Auth.js: the columns of its PostgreSQL adapter, without foreign keys, and a user."""

from __future__ import annotations

from sqlalchemy import text

from genkan.adapters.sqlalchemy import Database

INTEGERS = ("SERIAL PRIMARY KEY", "INTEGER NOT NULL")
"""SQL types of an id and of a reference to it in the adapter's schema."""

UUIDS = ("UUID PRIMARY KEY DEFAULT gen_random_uuid()", "UUID NOT NULL")
TEXTS = ("TEXT PRIMARY KEY", "TEXT NOT NULL")
SQLITE_INTEGERS = ("INTEGER PRIMARY KEY", "INTEGER NOT NULL")


def create_schema(
    database: Database, types: tuple[str, str], *, with_accounts: bool = True, timestamp: str = "TIMESTAMPTZ"
) -> None:
    """Create the tables of users and accounts, with ids and timestamps of these types."""
    key, reference = types
    users = f"""CREATE TABLE users (id {key}, name VARCHAR(255), email VARCHAR(255),
        "emailVerified" {timestamp}, image TEXT)"""
    accounts = f"""CREATE TABLE accounts (id {key}, "userId" {reference}, type VARCHAR(255) NOT NULL,
        provider VARCHAR(255) NOT NULL, "providerAccountId" VARCHAR(255) NOT NULL, refresh_token TEXT,
        access_token TEXT, expires_at BIGINT, id_token TEXT, scope TEXT, session_state TEXT, token_type TEXT)"""
    execute(database, users, *([accounts] if with_accounts else []))


def add_grace(database: Database, id: str, email: str = "grace@example.org") -> None:
    """Add a user who signed in by Next.js. The tokens are in plain text, as Auth.js stores them."""
    execute(
        database,
        f"""INSERT INTO users (id, name, email) VALUES ('{id}', 'Grace', '{email}')""",
        f"""INSERT INTO accounts (id, "userId", type, provider, "providerAccountId", access_token, expires_at)
            VALUES ('{id}', '{id}', 'oidc', 'hub', 'grace-at-hub', 'plain-token', 1800000000)""",
    )


def execute(database: Database, *statements: str) -> None:
    """Execute the statements in one transaction."""
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement))
