"""Serve the application's static folder: under versioned addresses, and text compressed."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from genkan.web.compression import accepts_gzip, set_gzip_body, weaken_etag

IMMUTABLE = "public, max-age=31536000, immutable"
SHORT = "public, max-age=300"
"""For an address without the file's current version."""

MAX_SIZE = 256 * 1024
"""Bytes; a larger file is sent as it is, since compressed files are kept in memory."""

_TEXT = {"text/css", "text/javascript", "image/svg+xml", "text/plain"}


class StaticFiles:
    """The static folder of an application, and the addresses of its files."""

    def __init__(self, app: Flask) -> None:
        """Replace Flask's view for the folder, and add `static_url` and `provider_icon` to the templates."""
        self._app = app
        self._folder, self._url_path = app.static_folder or "", app.static_url_path
        app.view_functions["static"] = self.send
        app.jinja_env.globals.update(static_url=self.url, provider_icon=self.provider_icon_url)

    def send(self, filename: str) -> Response:
        """Send a file of the folder."""
        if filename.endswith("/"):
            raise NotFound
        response = self._app.send_static_file(filename)
        is_versioned = request.args.get("v") == self._version(filename)
        response.headers["Cache-Control"] = IMMUTABLE if is_versioned else SHORT
        if response.mimetype in _TEXT:
            response.vary.add("Accept-Encoding")
            if accepts_gzip(request):
                _compress(response)
        return response

    def url(self, filename: str) -> str:
        """Return the address of a file with its version; ValueError if there is no such file."""
        version = self._version(filename)
        if version is None:
            raise ValueError(f"static/{filename} does not exist")
        # Not `url_for`: it fails for a request with an invalid Host header, and the error page needs its style sheet.
        return f"{self._url_path}/{quote(filename)}?v={version}"

    def provider_icon_url(self, provider_id: str) -> str:
        """Return the address of a provider's icon, or of OpenID's if it has none."""
        own = f"img/providers/{provider_id}.svg"
        return self.url(own if self._version(own) else "img/providers/oidc.svg")

    def _version(self, filename: str) -> str | None:
        if self._app.jinja_env.auto_reload:
            _digest.cache_clear()
        return _digest(self._folder, filename)


def _compress(response: Response) -> None:
    if response.status_code == 304:
        weaken_etag(response)
    elif response.status_code == 200 and (response.content_length or 0) <= MAX_SIZE:
        response.direct_passthrough = False
        set_gzip_body(response, _gzip(response.get_data()))


@lru_cache(maxsize=64)
def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 9, mtime=0)


@lru_cache(maxsize=1024)
def _digest(folder: str, filename: str) -> str | None:
    path = safe_join(folder, filename)
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12] if path else None
    except (OSError, ValueError):
        return None
