"""The only room that knows SQLAlchemy: a database that fails in one way, and the adapter that lives in it."""

from genkan.sqlalchemy.adapter import SQLAlchemyAdapter as SQLAlchemyAdapter
from genkan.sqlalchemy.database import Database as Database
from genkan.sqlalchemy.database import UniqueViolation as UniqueViolation
from genkan.sqlalchemy.database import describe_error as describe_error
from genkan.sqlalchemy.session_store import SQLAlchemySessionStore as SQLAlchemySessionStore
