"""Liveness check. It reads no session and sets no cookie, so the benchmarks use it as their baseline."""

from __future__ import annotations

from flask import Blueprint, Response

from genkan import public

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/live")
@public
def live() -> Response:
    """Return 200 while this process answers requests."""
    return Response('{"status":"ok"}', content_type="application/json", headers={"Cache-Control": "no-store"})
