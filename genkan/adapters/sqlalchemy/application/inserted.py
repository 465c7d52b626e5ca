"""Objects of the application that a block inserts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_inserted: ContextVar[list[Any] | None] = ContextVar("genkan_inserted", default=None)


@contextmanager
def inserted_objects() -> Iterator[list[Any]]:
    """Return a list to which the block's insertions are added."""
    objects: list[Any] = []
    token = _inserted.set(objects)
    try:
        yield objects
    finally:
        _inserted.reset(token)


def note_inserted(target: Any) -> None:
    """Add the object to the list of the block, if there is one."""
    objects = _inserted.get()
    if objects is not None:
        objects.append(target)
