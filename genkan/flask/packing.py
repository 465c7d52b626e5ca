"""Pages packed for browsers that take it. Their CSRF tokens are masked, so that a size tells nothing of one (BREACH)."""

from __future__ import annotations

import gzip

from flask import Request, Response

WORTH_IT = 1000
"""Bytes; a smaller answer fits one packet either way."""

LEVEL = 5
"""A few bytes more than the best for half the time."""


def pack(request: Request, response: Response) -> None:
    """Pack a page that is worth it; static files are packed already, JSON and fragments are short.

    That any page's bytes depend on `Accept-Encoding` is for headers.py to say.
    """
    if not (response.content_type or "").startswith("text/html") or (response.content_length or 0) < WORTH_IT:
        return
    if request.accept_encodings.quality("gzip") > 0 and "Content-Encoding" not in response.headers:
        response.set_data(gzip.compress(response.get_data(), LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
