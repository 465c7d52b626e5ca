"""Compress HTML pages. Their CSRF tokens are masked, so the compressed size reveals nothing about a token (BREACH)."""

from __future__ import annotations

import gzip

from flask import Request, Response

MIN_SIZE = 1000
"""Bytes; a smaller response fits into one packet either way."""

LEVEL = 5
"""A few bytes more than the best level, in half the time."""


def compress(request: Request, response: Response) -> None:
    """Compress an HTML page with gzip if the client accepts it; the `Vary` header is added in headers.py.

    Files and streams stay as they are: they may be large, or be sent by the server itself. So do ranges (206).
    """
    if response.mimetype != "text/html" or response.direct_passthrough or not response.is_sequence:
        return
    if response.status_code == 206 or (response.calculate_content_length() or 0) < MIN_SIZE:
        return
    if accepts_gzip(request) and "Content-Encoding" not in response.headers:
        set_gzip_body(response, gzip.compress(response.get_data(), LEVEL, mtime=0))


def accepts_gzip(request: Request) -> bool:
    """Return whether the client accepts a gzip body."""
    return request.accept_encodings.quality("gzip") > 0


def set_gzip_body(response: Response, body: bytes) -> None:
    """Replace the body by `body`, which is compressed."""
    response.set_data(body)
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Accept-Ranges", None)
    weaken_etag(response)


def weaken_etag(response: Response) -> None:
    """Mark the ETag as weak: a strong one would stand for the bytes of one encoding only (RFC 9110, 8.8.1)."""
    etag, _ = response.get_etag()
    if etag is not None:
        response.set_etag(etag, weak=True)
