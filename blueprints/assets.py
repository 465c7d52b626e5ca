"""Static files: read once, packed once, named by their content so that browsers may keep them for ever (X2)."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from flask import Blueprint, Response, abort, current_app, request
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as BaseResponse

from genkan.flask import public

bp = Blueprint("assets", __name__)

FOR_EVER = "public, max-age=31536000, immutable"
BRIEFLY = "public, max-age=300"
"""For an address that does not carry the version it is about."""

_PACKED = {"text/css", "text/javascript", "image/svg+xml", "text/plain"}
"""Worth packing. Pages are packed in genkan/flask/packing.py."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    plain: bytes
    packed: bytes | None
    kind: str
    version: str
    changed: float
    url: str
    """Its address, with its version."""


@bp.get("/static/<path:name>")
@public
def asset(name: str) -> BaseResponse:
    """A file below `static/`, packed where the browser takes it."""
    found = _find(name)
    if found is None:
        abort(404)
    headers = {
        "Cache-Control": FOR_EVER if request.args.get("v") == found.version else BRIEFLY,
        "ETag": f'"{found.version}"',
    }
    body = found.plain
    if found.packed is not None:
        headers["Vary"] = "Accept-Encoding"
        if request.accept_encodings.quality("gzip") > 0:
            body, headers["Content-Encoding"] = found.packed, "gzip"
    return Response(body, 200, headers, content_type=found.kind).make_conditional(request)


def asset_url(name: str) -> str:
    """The address of a file below `static/`, with its version; ValueError when there is no such file."""
    found = _find(name)
    if found is None:
        raise ValueError(f"static/{name} does not exist")
    return found.url


def mark_url(provider_id: str) -> str:
    """The address of a provider's mark; one without its own wears OpenID's."""
    own = f"img/providers/{provider_id}.svg"
    return asset_url(own if _find(own) else "img/providers/oidc.svg")


def _find(name: str) -> Asset | None:
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 (werkzeug documents it)
    shelf: dict[str, Asset] = app.extensions["genkan.assets"]
    known = shelf.get(name)
    if known is not None and not app.jinja_env.auto_reload:
        return known
    root = Path(app.root_path, "static")
    if known is not None and known.changed == (root / name).stat().st_mtime:
        return known
    # Only what a listing of the folder shows exists, so no name can lead out of it.
    path = next(
        (file for file in root.rglob("*") if file.is_file() and file.relative_to(root).as_posix() == name), None
    )
    if path is None:
        return None
    shelf[name] = _read(path, name)
    return shelf[name]


def _read(path: Path, name: str) -> Asset:
    plain = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(plain, 9, mtime=0) if kind in _PACKED else None
    text = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    version = hashlib.sha256(plain).hexdigest()[:12]
    # Not by url_for(), which can't tell where a request has a Host that is none, and its error page needs its style.
    return Asset(plain, packed, text, version, path.stat().st_mtime, f"/static/{quote(name)}?v={version}")


@bp.record_once
def _prepare(setup: BlueprintSetupState) -> None:
    setup.app.extensions["genkan.assets"] = {}
    setup.app.jinja_env.globals.update(asset=asset_url, mark=mark_url)
