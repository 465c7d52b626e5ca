"""Alembic's entrance: it runs the steps on the connection, and in the transaction, that `upgrade` gives."""

from alembic import context

from models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
