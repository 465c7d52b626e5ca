"""One time limit for everything that a visit asks of the outside, however many calls that takes (O13)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic

_ends: ContextVar[float] = ContextVar("genkan.oauth.transport.deadline", default=inf)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let all calls out within the block, together, take no longer than this; what would be later is not even sent.

    A block within a block may be shorter, never longer. It counts for the thread that opened it alone, so that no
    visitor spends another's time; a call handed to another thread needs a block of its own there.
    """
    before = _ends.set(min(_ends.get(), monotonic() + seconds))
    try:
        yield
    finally:
        _ends.reset(before)


def remaining() -> float:
    """Until the innermost block's time is up: zero or less afterwards, infinite where there is no block."""
    return _ends.get() - monotonic()
