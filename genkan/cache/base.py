"""The cache that the package needs."""

from __future__ import annotations

from typing import Any, Protocol

from genkan.types import JSON


class Cache(Protocol):
    """A cache for JSON values. It may drop a value at any time, and its methods never raise."""

    def get(self, key: str) -> Any:
        """Return the value. None if there is none."""

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """Store the value for at most `seconds`."""

    def mark(self, key: str, seconds: int) -> bool:
        """Mark the key for at most `seconds` and return True. False if it is marked: of several calls one gets True.

        A cache that fails returns True.
        """

    def delete(self, key: str) -> None:
        """Remove the value."""
