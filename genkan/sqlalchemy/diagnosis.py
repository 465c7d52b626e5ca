"""What an owner can do about a database that fails: in our words, since the drivers' quote values."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError

from genkan.errors import StoreError

_MAY_NOT_WRITE = "DATABASE_URL: this account may not write there. Give it the right to, or name another place."
_REFUSED = "DATABASE_URL: the database refused the account, its password or the name of the database. Correct them."
_NO_ANSWER = "DATABASE_URL: the database does not answer. Start it, or correct the address."

_BY_SQLITE = {
    sqlite3.SQLITE_READONLY: _MAY_NOT_WRITE,
    sqlite3.SQLITE_PERM: _MAY_NOT_WRITE,
    sqlite3.SQLITE_CANTOPEN: "DATABASE_URL: that file can't be opened. Does its folder exist, and may this account write there?",
    sqlite3.SQLITE_NOTADB: "DATABASE_URL: that file is not a SQLite database. Name another one.",
    sqlite3.SQLITE_CORRUPT: "DATABASE_URL: that SQLite database is damaged. Restore a backup.",
    sqlite3.SQLITE_FULL: "DATABASE_URL: the disk is full. Make room.",
}
_BY_SQLSTATE = {"28": _REFUSED, "3D": _REFUSED, "42": _MAY_NOT_WRITE, "25": _MAY_NOT_WRITE}
"""By class (PostgreSQL, appendix A): authorization, catalog name, access rule, read-only transaction."""


def remedy(error: StoreError) -> str:
    """One sentence for whoever started us: the variable and what to do. No value of anybody's is in it."""
    cause = error.__cause__
    cause = cause.orig if isinstance(cause, DBAPIError) else cause
    if isinstance(cause, PermissionError):
        return _MAY_NOT_WRITE
    if isinstance(cause, sqlite3.Error):
        return _BY_SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, _NO_ANSWER)
    state = getattr(cause, "sqlstate", None)
    if state is None and "FATAL" in str(cause):
        # While it connects, libpq tells the server's refusal in a text only.
        return _REFUSED
    return _BY_SQLSTATE.get((state or "")[:2], _NO_ANSWER)
