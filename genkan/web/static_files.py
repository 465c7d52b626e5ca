"""Static files of the application and of the package, with versioned URLs, and their text compressed."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app, has_request_context, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from genkan.web.access import own_blueprint, public
from genkan.web.compression import accepts, set_compressed_body, weaken_etag
from genkan.web.neighbours.template_syntax import PackageLoader
from genkan.web.state import EXTENSION, script_root

IMMUTABLE = "public, max-age=31536000, immutable"
SHORT = "public, max-age=300"
"""`Cache-Control` for a URL without the file's current version."""

MAX_SIZE = 256 * 1024
"""Bytes. A larger file is sent uncompressed, because compressed files are kept in memory."""

COMPRESSED = "compressed"
"""The folder, in a static folder, of files that were compressed with Brotli before, each named after its source's
version."""

_UNNEEDED = ("Content-Disposition", "Last-Modified")
"""Headers that Flask adds to a file. The URL has the name, and the ETag is compared."""

_TEXT = {"text/css", "text/javascript", "image/svg+xml", "text/plain"}


class PackageBlueprint(Blueprint):
    """The blueprint of the package's files."""

    files: StaticFiles


class StaticFiles:
    """The files of one static folder and their URLs."""

    def __init__(self, owner: Flask | Blueprint, app: Flask) -> None:
        """Take the folder and its URL path from `owner`, which is `app` or one of its blueprints."""
        self._owner, self.app = owner, app
        self._folder = owner.static_folder or ""
        self._url_path = owner.static_url_path
        self._urls: dict[str, str] = {}
        """URLs by the name of the file, without the prefix of the application."""

    def send(self, filename: str) -> Response:
        """Return the response with a file of the folder. Raises NotFound."""
        if filename.endswith("/"):
            raise NotFound
        response = self._owner.send_static_file(filename)
        version = self._version(filename)
        response.headers["Cache-Control"] = IMMUTABLE if request.args.get("v") == version else SHORT
        for name in _UNNEEDED:
            response.headers.pop(name, None)
        if response.mimetype in _TEXT:
            response.vary.add("Accept-Encoding")
            self._compress(response, version)
        return response

    def find(self, filename: str) -> str | None:
        """Return the URL of a file with its version, or None if there is no such file."""
        url = None if self.app.jinja_env.auto_reload else self._urls.get(filename)
        if url is None:
            version = self._version(filename)
            if version is None:
                return None
            # Not `url_for`: it fails for a request with an invalid Host header, and the error page needs its style sheet.
            url = self._urls[filename] = f"{self._url_path}/{quote(filename)}?v={version}"
        return self._root() + url

    def url(self, filename: str) -> str:
        """Return the URL of a file with its version. Raises ValueError if there is no such file."""
        found = self.find(filename)
        if found is None:
            raise ValueError(f"{self._url_path}/{filename} does not exist")
        return found

    def _compress(self, response: Response, version: str | None) -> None:
        has_gzip, has_brotli = accepts(request, "gzip"), accepts(request, "br")
        if response.status_code == 304 and (has_gzip or has_brotli):
            weaken_etag(response)
        if response.status_code != 200 or (response.content_length or 0) > MAX_SIZE:
            return
        if not (has_gzip or has_brotli):
            return
        response.direct_passthrough = False
        content = response.get_data()
        brotli = _brotli(self._folder, version) if has_brotli and version else None
        if brotli is not None:
            set_compressed_body(response, brotli, "br")
        elif has_gzip:
            set_compressed_body(response, _gzip(content), "gzip")

    def _version(self, filename: str) -> str | None:
        if self.app.jinja_env.auto_reload:
            _digest.cache_clear()
        return _digest(self._folder, filename)

    def _root(self) -> str:
        state = self.app.extensions.get(EXTENSION)
        # Error pages have style sheets, too, so the settings may be invalid.
        if state is not None and state.is_built and state.core.prefix:
            return str(state.core.prefix)
        return script_root() if has_request_context() else ""


def register_static_files(app: Flask) -> None:
    """Serve the application's static folder with versions and compression. Adds the template global `static_url`."""
    files = StaticFiles(app, app)
    app.view_functions["static"] = files.send
    app.jinja_env.globals["static_url"] = files.url


def register_package_files(app: Flask, path: str = "/genkan/static") -> None:
    """Make the package's templates available to the application, and its static files below `path`.

    The application's own templates come first, so a file below its `templates/genkan/` replaces ours.
    """
    options: dict[str, Any] = {
        "static_folder": "static",
        "static_url_path": path,
    }
    blueprint = PackageBlueprint("genkan", __name__, **options)
    blueprint.files = StaticFiles(blueprint, app)
    blueprint.jinja_loader = PackageLoader(Path(blueprint.root_path, "templates"))
    own_blueprint(blueprint)
    app.register_blueprint(blueprint)
    app.view_functions["genkan.static"] = public(partial(blueprint.files.send))


def package_url(filename: str) -> str:
    """Return the URL of a static file of the package with its version. Raises ValueError if there is no such file."""
    return _package_files().url(filename)


def provider_icon(provider_id: str) -> str:
    """Return the URL of a provider's icon. The application's own `static/img/providers/<id>.svg` comes first."""
    icon, files = f"img/providers/{provider_id}.svg", _package_files()
    return StaticFiles(files.app, files.app).find(icon) or files.find(icon) or files.url("img/providers/oidc.svg")


def version_of(content: bytes) -> str:
    """Return the version of a file with this content, as it is in the file's URL."""
    return hashlib.sha256(content).hexdigest()[:12]


def _package_files() -> StaticFiles:
    return cast("PackageBlueprint", current_app.blueprints["genkan"]).files


@lru_cache(maxsize=64)
def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 9, mtime=0)


@lru_cache(maxsize=64)
def _brotli(folder: str, version: str) -> bytes | None:
    return _read(folder, f"{COMPRESSED}/{version}.br")


@lru_cache(maxsize=1024)
def _digest(folder: str, filename: str) -> str | None:
    content = _read(folder, filename)
    return None if content is None else version_of(content)


def _read(folder: str, filename: str) -> bytes | None:
    path = safe_join(folder, filename)
    try:
        return Path(path).read_bytes() if path else None
    except (OSError, ValueError):
        return None
