"""A deadline for all calls that one request makes together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic

_ends: ContextVar[float] = ContextVar("genkan.oauth.transport.deadline", default=inf)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Limit all calls within the block, together, to this many seconds. A call after that is not sent.

    An inner block may be shorter, never longer. The limit applies to the thread that opened the block. A call in another
    thread needs a block of its own.
    """
    token = _ends.set(min(_ends.get(), monotonic() + seconds))
    try:
        yield
    finally:
        _ends.reset(token)


def remaining() -> float:
    """Return the seconds until the deadline. Zero or less after it, infinite without one."""
    return _ends.get() - monotonic()
