"""The origin of AUTH_URL in the URLs of `url_for(_external=True)`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request
from flask.globals import request_ctx
from werkzeug.routing import Map, MapAdapter

from genkan.core import Core
from genkan.web.state import AppState

_get_context = request_ctx._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001 (see get_request)


class _OriginAdapter(MapAdapter):
    """Builds URLs outside a request. AUTH_URL is read at the first URL, not by each command."""

    def __init__(self, url_map: Map, state: AppState) -> None:
        super().__init__(url_map, "", "/", None, "http", "/", "GET")
        self._state = state

    def build(self, *args: Any, **kwargs: Any) -> str:
        """Return the URL. Raises InvalidSettings."""
        _set_origin(self, self._state.core)
        return super().build(*args, **kwargs)


def use_origin(app: Flask, state: AppState) -> None:
    """Let `url_for` build URLs without a request too. A SERVER_NAME of the application is kept."""
    create_adapter, outside = app.create_url_adapter, _OriginAdapter(app.url_map, state)

    def create_url_adapter(request: Request | None) -> MapAdapter | None:
        adapter = create_adapter(request)
        return outside if adapter is None else adapter

    app.create_url_adapter = create_url_adapter  # type: ignore[method-assign]


def set_request_origin(app: Flask, core: Core) -> None:
    """Give the external URLs of the current request the origin of AUTH_URL, whatever its Host header says."""
    adapter: MapAdapter | None = _get_context().url_adapter
    if adapter is not None and not app.config["SERVER_NAME"] and not app.url_map.host_matching:
        _set_origin(adapter, core)


def _set_origin(adapter: MapAdapter, core: Core) -> None:
    origin = urlsplit(core.origin)
    adapter.server_name, adapter.url_scheme, adapter.subdomain = origin.netloc, origin.scheme, ""
    if core.prefix:
        # A proxy may have removed it from the request.
        adapter.script_name = f"{core.prefix}/"
