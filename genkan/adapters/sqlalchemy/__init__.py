"""Adapter and session store for SQL databases. This package is the only one that uses SQLAlchemy."""

from genkan.adapters.sqlalchemy.adapter import SQLAlchemyAdapter as SQLAlchemyAdapter
from genkan.adapters.sqlalchemy.database import Database as Database
from genkan.adapters.sqlalchemy.database import UniqueViolation as UniqueViolation
from genkan.adapters.sqlalchemy.database import describe_error as describe_error
from genkan.adapters.sqlalchemy.revocations import Revocations as Revocations
from genkan.adapters.sqlalchemy.session_store import SQLAlchemySessionStore as SQLAlchemySessionStore
