"""Encryption of a cache that other programs can write to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from genkan import strict_json
from genkan.cache.base import Cache
from genkan.errors import TokenError
from genkan.types import JSON

_log = logging.getLogger("genkan.cache.sealed")


class SealedCache:
    """Implementation of `genkan.cache.base.Cache` that encrypts and authenticates the values of another cache.

    `seal` encrypts a text, and `open` decrypts it or raises TokenError. A sealed value contains its key and its expiry,
    so it is valid for no other key, and never longer than it was stored for.
    """

    def __init__(
        self, cache: Cache, seal: Callable[[str], str], open: Callable[[str], str], clock: Callable[[], float]
    ) -> None:
        self._cache = cache
        self._seal = seal
        self._open = open
        self._clock = clock

    def get(self, key: str) -> Any:
        """Return the value for `key`. None if there is none, or none that this application sealed for this key."""
        sealed = self._cache.get(key)
        if sealed is None:
            return None
        try:
            entry = strict_json.loads_object(self._open(sealed)) if isinstance(sealed, str) else {}
        except (TokenError, ValueError):
            entry = {}
        if entry.get("key") != key:
            _log.warning("a cached value was not sealed by this application for its key and is ignored")
            return None
        return entry["value"] if self._clock() < entry["expires"] else None

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """Store the value for `seconds`. Nothing happens for a value that JSON does not support."""
        try:
            entry = strict_json.dumps({"key": key, "expires": self._clock() + seconds, "value": value})
        except (TypeError, ValueError):
            return
        self._cache.set(key, self._seal(entry), seconds)

    def mark(self, key: str, seconds: int) -> bool:
        """Mark the key, as in `genkan.cache.base.Cache`. There is nothing to encrypt."""
        return self._cache.mark(key, seconds)

    def delete(self, key: str) -> None:
        """Remove the value for `key`."""
        self._cache.delete(key)
