"""What an owner can do about a database that fails: in our words, since the drivers' quote values."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError

from genkan.errors import StoreError

NO_ANSWER = "DATABASE_URL: the database does not answer. Start it, or correct the address."

_NO_ACCOUNT = (
    "DATABASE_URL: the database refuses the account or its password. Correct them, or let the account in there."
)
_NO_SUCH_NAME = "DATABASE_URL: the server has no database of that name. Create it, or correct the name."
_NO_SCHEMA = (
    "DATABASE_URL: the tables are not there, or not those of this release. Run `make serve` or `make run` first."
)
_NO_RIGHT = (
    "DATABASE_URL: the account lacks a right there. Grant it CREATE on the schema, or make it the tables' owner."
)
_READ_ONLY = "DATABASE_URL: the server takes nothing but reads there. Name the primary, not a replica."
_BUSY = "DATABASE_URL: the server has no connection to spare just now, or is still starting. Try again in a moment."
_REFUSED = (
    "DATABASE_URL: the server refuses the connection. Correct account and database name; its log says which it is."
)
_OPTION = "DATABASE_URL: the driver does not take its options. Correct what follows the question mark."
_NO_TLS = "DATABASE_URL: the connection can't be encrypted as `sslmode` asks. Correct it, or the server's certificate."
_FILE_READ_ONLY = "DATABASE_URL: this account may only read that file. Let it write there, or name another file."
_FILE_SHUT = "DATABASE_URL: that file can't be opened. Let this account write in its folder, or name another file."
_FOLDER_SHUT = "DATABASE_URL: no file can be made there. Let this account write in that folder, or name another file."
_NOT_A_FOLDER = "DATABASE_URL: there is a file where the file's folder should be. Name another file."
_UNKNOWN = "DATABASE_URL: the database answers with an error. Its log, or the server's, says more."

_BY_SQLITE = {
    sqlite3.SQLITE_READONLY: _FILE_READ_ONLY,
    sqlite3.SQLITE_PERM: _FILE_READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _FILE_SHUT,
    sqlite3.SQLITE_NOTADB: "DATABASE_URL: that file is not a SQLite database. Name another one.",
    sqlite3.SQLITE_CORRUPT: "DATABASE_URL: that SQLite database is damaged. Restore a backup.",
    sqlite3.SQLITE_FULL: "DATABASE_URL: the disk is full. Make room.",
    sqlite3.SQLITE_BUSY: "DATABASE_URL: another program holds that file. End it, or wait until it is done.",
}
_BY_SQLSTATE = {
    "28": _NO_ACCOUNT,
    "3D": _NO_SUCH_NAME,
    "42501": _NO_RIGHT,
    "25006": _READ_ONLY,
    "42P01": _NO_SCHEMA,
    "42703": _NO_SCHEMA,
    "53": _BUSY,
    "57P": _BUSY,
}
"""By the beginning of the state (PostgreSQL, appendix A)."""
_BY_WORDS = (
    (r"FATAL: .*(starting up|shutting down|recovery|too many|slots)", _BUSY),
    (r"FATAL: .*(authentication failed|not permitted to log in|pg_hba\.conf)|no password supplied", _NO_ACCOUNT),
    (r'FATAL: +role ".*" does not exist', _NO_ACCOUNT),
    (r'FATAL: +database ".*" does not exist', _NO_SUCH_NAME),
    (r"FATAL: ", _REFUSED),
    (r"connection option|bad value for|invalid \w+ value|invalid integer value", _OPTION),
    (r"\bSSL\b|certificate", _NO_TLS),
)
"""While it connects, libpq tells of a refusal in a text only, in the server's language but for the first word."""


def remedy(error: StoreError) -> str:
    """One sentence for whoever started us: the variable and what to do. No value of anybody's is in it."""
    cause = error.__cause__
    cause = cause.orig if isinstance(cause, DBAPIError) else cause
    if isinstance(cause, FileExistsError | NotADirectoryError):
        return _NOT_A_FOLDER
    if isinstance(cause, OSError):
        return _FOLDER_SHUT
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    return _of_server(cause)


def _of_sqlite(cause: sqlite3.Error) -> str:
    # SQLite has no code of its own for it.
    if re.match("no such (table|column)", str(cause)):
        return _NO_SCHEMA
    return _BY_SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF, _UNKNOWN)


def _of_server(cause: BaseException | None) -> str:
    state, words = getattr(cause, "sqlstate", None), str(cause)
    if state:
        return next((told for begin, told in _BY_SQLSTATE.items() if state.startswith(begin)), _UNKNOWN)
    return next((told for pattern, told in _BY_WORDS if re.search(pattern, words)), NO_ANSWER)
