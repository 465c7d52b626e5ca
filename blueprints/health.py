"""Is this process alive? Asks nobody, sets nothing, and is the bare route that the benchmarks compare with."""

from __future__ import annotations

from flask import Blueprint, Response

from genkan import public

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/live")
@public
def live() -> Response:
    """200 as long as requests are answered at all."""
    return Response('{"status":"ok"}', content_type="application/json", headers={"Cache-Control": "no-store"})
