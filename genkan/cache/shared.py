"""Cache with cachelib, or of an application with Flask-Caching. We store JSON, and a failure counts as a miss."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from time import monotonic as _monotonic
from typing import Any

from cachelib import BaseCache, RedisCache, SimpleCache
from cachelib.serializers import BaseSerializer
from flask import Flask

from genkan.errors import ConfigurationError
from genkan.types import JSON

SOCKET_SECONDS = 0.25
"""Seconds. Timeout of one Redis command, and of connecting."""

RETRY_SECONDS = 2.0
"""Seconds. After a failure the cache is not used for this time, so that an unreachable Redis delays each worker once
and not every request."""

MAX_ENTRIES = 2000
"""Entries of the in-process cache that is used without Redis."""

KEY_PREFIX = "genkan:"

REDIS_OPTIONS: dict[str, Any] = {
    "socket_timeout": SOCKET_SECONDS,
    "socket_connect_timeout": SOCKET_SECONDS,
    "health_check_interval": 30,
}

_log = logging.getLogger("genkan.cache.shared")


class JSONSerializer(BaseSerializer):
    """Serializer for cachelib that reads and writes JSON.

    Anything else in the cache is a miss and is never executed.
    """

    def dumps(self, value: Any, protocol: int = 0) -> bytes:
        """Return the value as JSON in UTF-8. Raises TypeError for a value that JSON does not support."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def loads(self, data: bytes | None) -> JSON:
        """Return the value. None if there is no data or the data is not JSON."""
        try:
            # Decoded here, because for bytes `json` would find out the encoding first.
            value: JSON = json.loads(data.decode()) if data is not None else None
        except (ValueError, RecursionError):
            return None
        return value


class FaultTolerantCache:
    """Implementation of `genkan.cache.base.Cache` with a backend of cachelib. Its failures count as misses."""

    def __init__(self, backend: Any, key_prefix: str = "") -> None:
        self._backend, self._key_prefix = backend, key_prefix
        self._backend.serializer = JSONSerializer()
        self._clock = _monotonic
        self._retry_at = 0.0

    @property
    def in_process(self) -> bool:
        """True if no other program can write to it."""
        return isinstance(self._backend, SimpleCache)

    def get(self, key: str) -> Any:
        """Return the value for `key`, or None if there is none or the cache fails."""
        return self._try("get", key)

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """Store the value for `seconds`. Nothing happens if the cache fails."""
        self._try("set", key, value, seconds)

    def mark(self, key: str, seconds: int) -> bool:
        """Mark the key for `seconds` and return True. False if it is marked. True if the cache fails."""
        return self._try("add", key, 1, seconds) is not False

    def delete(self, key: str) -> None:
        """Remove the value for `key`. Nothing happens if the cache fails."""
        self._try("delete", key)

    def _try(self, operation: str, key: str, *arguments: Any) -> Any:
        if self._clock() < self._retry_at:
            return None
        try:
            return getattr(self._backend, operation)(self._key_prefix + key, *arguments)
        except Exception as error:  # noqa: BLE001 (drivers raise different exceptions, and every failure is a miss)
            self._retry_at = self._clock() + RETRY_SECONDS
            _log.warning("cache is unavailable", extra={"operation": operation, "error": type(error).__name__})
            return None


class FlaskCache(FaultTolerantCache):
    """Cache in the backend of an application's Flask-Caching instance, as JSON and under keys with our prefix.

    Raises ConfigurationError if the instance is not initialised for the application.
    """

    def __init__(self, app: Flask, instance: object) -> None:
        # Flask-Caching itself looks its backend up in the current application, which commands and threads do not have.
        backend = app.extensions.get("cache", {}).get(instance)
        if backend is None:
            raise ConfigurationError("Genkan(cache=…): it is not initialised. Call cache.init_app(app) before.")
        # A copy with another serializer and the same store. By default the application's serializer is pickle.
        super().__init__(copy(backend), KEY_PREFIX)


class CachelibCache(FaultTolerantCache):
    """Cache with cachelib, which does not touch an application: in this process, or in Redis for all workers."""

    def __init__(self, redis_url: str | None) -> None:
        super().__init__(_redis_cache(redis_url) if redis_url else SimpleCache(threshold=MAX_ENTRIES))


def _redis_cache(redis_url: str) -> BaseCache:
    # Imported here, because an application without Redis needs no driver.
    from redis import Redis  # noqa: PLC0415

    with malformed_url_errors():
        return RedisCache(Redis.from_url(redis_url, **REDIS_OPTIONS), key_prefix=KEY_PREFIX)


@contextmanager
def malformed_url_errors() -> Iterator[None]:
    """Raise ConfigurationError for a URL that redis-py cannot read."""
    try:
        yield
    except ValueError:  # its text may contain part of the password
        raise ConfigurationError(
            "REDIS_URL: it is malformed. Percent-encode special characters in the password."
        ) from None
