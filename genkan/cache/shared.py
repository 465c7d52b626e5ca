"""What is kept across requests: Flask-Caching with JSON in it, never pickle (M4), and a cache that is down is a miss."""

from __future__ import annotations

import json
import logging
from time import monotonic as _monotonic
from typing import Any

from cachelib.serializers import BaseSerializer
from flask import Flask
from flask_caching import Cache

from genkan.errors import ConfigurationError
from genkan.types import JSON

SOCKET_SECONDS = 0.25
"""What one command may cost when Redis is in trouble (F14)."""

RETRY_SECONDS = 2.0
"""After a failure the cache is left alone for so long, so that a dead Redis costs each worker one wait, not each
request (F14)."""

MAX_ENTRIES = 2000
"""Kept in process when there is no Redis."""

_log = logging.getLogger("genkan.cache.shared")


class JSONSerializer(BaseSerializer):
    """JSON in, JSON out; whatever else stands in the store is a miss and is never executed."""

    def dumps(self, value: Any, protocol: int = 0) -> bytes:
        """UTF-8 JSON; TypeError for what JSON does not have."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def loads(self, data: bytes | None) -> JSON:
        """The value, or None for nothing and for nonsense."""
        try:
            value: JSON = json.loads(data) if data is not None else None
        except (ValueError, RecursionError):
            return None
        return value


class FlaskCache:
    """`genkan.core.Cache` on Flask-Caching: in this process, or in Redis for all workers."""

    def __init__(self, app: Flask, redis_url: str | None) -> None:
        backend = _redis(redis_url) if redis_url else {"CACHE_TYPE": "SimpleCache", "CACHE_THRESHOLD": MAX_ENTRIES}
        config = {**backend, "CACHE_SERIALIZER": JSONSerializer(), "CACHE_KEY_PREFIX": "genkan:"}
        try:
            self._cache = Cache(app, config=config)
        except ValueError:  # it quotes a password with a slash in it
            raise ConfigurationError(
                "REDIS_URL: it is malformed. Percent-encode what stands in its password."
            ) from None
        self._app = app
        self._clock = _monotonic
        self._resting_until = 0.0

    def get(self, key: str) -> Any:
        """See Cache."""
        return self._try("get", key)

    def set(self, key: str, value: JSON, seconds: int) -> None:
        """See Cache."""
        self._try("set", key, value, seconds)

    def delete(self, key: str) -> None:
        """See Cache."""
        self._try("delete", key)

    def _try(self, verb: str, *arguments: Any) -> Any:
        if self._clock() < self._resting_until:
            return None
        try:
            return getattr(self._backend, verb)(*arguments)
        except Exception as error:  # noqa: BLE001 (a cache may always forget; what its driver raises depends on the driver)
            self._resting_until = self._clock() + RETRY_SECONDS
            _log.warning("cache does not answer", extra={"verb": verb, "error": type(error).__name__})
            return None

    @property
    def _backend(self) -> Any:
        # Flask-Caching finds its backend through the current application; the command line and threads have none.
        return self._app.extensions["cache"][self._cache]


def _redis(url: str) -> dict[str, Any]:
    options = {
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": SOCKET_SECONDS,
        "health_check_interval": 30,
    }
    return {"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": url, "CACHE_OPTIONS": options}
