"""Events of the application's users: a user who is deleted, or whose primary key changes or is used again."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, event, inspect, update
from sqlalchemy.orm import Mapper, ORMExecuteState, Session

from genkan.adapters.sqlalchemy.application.inserted import note_inserted
from genkan.adapters.sqlalchemy.application.own_users import SQLAlchemyOwnUsers
from genkan.adapters.sqlalchemy.tables import APPLICATION_USER, Tables

_LISTENER = "genkan_listener"
"""Key in the `info` of the metadata. Alembic would write the `info` of a table into its scripts."""


class _Listener:
    """Keeps our rows in step with one class of users, in the transactions of the application."""

    def __init__(self, own_users: SQLAlchemyOwnUsers, model: type[Any], tables: Tables) -> None:
        self.own_users = own_users
        self._model, self._table = model, tables.users
        self._engines: WeakSet[Engine] = WeakSet()
        event.listen(model, "before_delete", self._deleted, propagate=True)
        event.listen(model, "after_insert", self._inserted, propagate=True)
        event.listen(model, "after_update", self._updated, propagate=True)
        event.listen(self._table, "after_drop", lambda *_, **__: self._engines.clear())

    def _deleted(self, mapper: Mapper[Any], connection: Connection, target: Any) -> None:
        if self._has_tables(connection):
            self.own_users.delete_linked(connection, mapper.primary_key_from_instance(target)[0])

    def _inserted(self, mapper: Mapper[Any], connection: Connection, target: Any) -> None:
        # A user that is new has no link, so one that exists is from a user who had the same primary key.
        self._deleted(mapper, connection, target)
        note_inserted(target)

    def _updated(self, mapper: Mapper[Any], connection: Connection, target: Any) -> None:
        state = inspect(target)
        if state.key is None:
            # A deletion and an insertion with the same primary key, which the ORM writes as one UPDATE.
            self._deleted(mapper, connection, target)
            return
        before, after = state.identity[0], mapper.primary_key_from_instance(target)[0]
        if before != after and self._has_tables(connection):
            column = self._table.c[APPLICATION_USER]
            connection.execute(update(self._table).where(column == before).values({APPLICATION_USER: after}))

    def execute(self, state: ORMExecuteState) -> Any:
        """Delete our rows whose user is missing, after a bulk deletion and before an insertion."""
        if getattr(state.statement, "table", None) not in inspect(self._model).tables:
            return None
        if state.is_insert:
            self._delete_missing(state)
            return None
        result = state.invoke_statement()
        self._delete_missing(state)
        return result

    def _delete_missing(self, state: ORMExecuteState) -> None:
        connection = state.session.connection(bind_arguments={"mapper": inspect(self._model)})
        if self._has_tables(connection):
            self.own_users.delete_missing(connection)

    def _has_tables(self, connection: Connection) -> bool:
        """Return False while the application's migrations have not created our tables yet."""
        engine = connection.engine
        if engine not in self._engines and inspect(connection).has_table(self._table.name, self._table.schema):
            self._engines.add(engine)
        return engine in self._engines


_listeners: WeakSet[_Listener] = WeakSet()
"""One for each class of users. The metadata of the class keeps it alive."""


@event.listens_for(Session, "do_orm_execute")
def _on_execute(state: ORMExecuteState) -> Any:
    if state.is_delete or state.is_insert:
        for listener in list(_listeners):
            result = listener.execute(state)
            if result is not None:
                return result
    return None


def register(own_users: SQLAlchemyOwnUsers, model: type[Any], tables: Tables) -> None:
    """Listen to the application's users.

    Once for each class, however many applications of one process use it. The settings of the last one count.
    """
    info = tables.users.metadata.info
    listener: _Listener | None = info.get(_LISTENER)
    if listener is None:
        listener = info[_LISTENER] = _Listener(own_users, model, tables)
        _listeners.add(listener)
    else:
        listener.own_users = own_users
