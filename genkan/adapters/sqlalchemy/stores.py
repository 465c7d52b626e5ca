"""The adapter and the session store of one application, on one database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from genkan.adapters import Adapter
from genkan.adapters.sessions import SessionStore
from genkan.adapters.sqlalchemy.adapter import SQLAlchemyAdapter
from genkan.adapters.sqlalchemy.database import Database
from genkan.adapters.sqlalchemy.revocations import Revocations
from genkan.adapters.sqlalchemy.session_store import SQLAlchemySessionStore
from genkan.adapters.sqlalchemy.tables import AUTHJS_TABLES, Tables
from genkan.crypto.sealer import Clock, TextSealer


class Stores(NamedTuple):
    """Where users, accounts and sessions are kept."""

    adapter: Adapter
    sessions: SessionStore


def open_stores(
    url: str, secrets: Sequence[str], *, lifetime: int, max_sessions: int, clock: Clock | None = None
) -> Stores:
    """Return the stores in the database with this URL.

    `secrets` encrypt the providers' tokens. `lifetime` is the maximum lifetime of a session in seconds, and `max_sessions`
    the number of active sessions of one user. `clock` takes the place of the database's clock. Raises ConfigurationError
    for a URL that cannot name a database.
    """
    return stores_in(Database(url, clock=clock), AUTHJS_TABLES, secrets, lifetime=lifetime, max_sessions=max_sessions)


def stores_in(
    database: Database, tables: Tables, secrets: Sequence[str], *, lifetime: int, max_sessions: int
) -> Stores:
    """Return the stores in these tables of a database. The other parameters are those of `open_stores`."""
    revocations = Revocations(database, tables, lifetime=lifetime)
    account_sealer = TextSealer(secrets, "genkan.account-tokens")
    session_sealer = TextSealer(secrets, "genkan.session-records")
    adapter = SQLAlchemyAdapter(
        database, tables, seal=account_sealer.seal, open=account_sealer.open, revocations=revocations
    )
    sessions = SQLAlchemySessionStore(
        database,
        tables,
        revocations=revocations,
        max_sessions=max_sessions,
        seal=session_sealer.seal,
        open=session_sealer.open,
    )
    return Stores(adapter, sessions)
