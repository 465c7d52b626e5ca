"""Gzip compression of HTML pages. CSRF tokens are masked, so the compressed size reveals nothing about them (BREACH)."""

from __future__ import annotations

import gzip
from functools import lru_cache

from flask import Request, Response
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

MIN_SIZE = 1000
"""Bytes. A smaller response fits into one packet without compression."""

LEVEL = 5
"""Level of zlib. It needs half the time of level 9 for a few more bytes."""


MAX_HEADER = 100
"""Characters of an Accept-Encoding header that is remembered."""


def compress(request: Request, response: Response) -> None:
    """Compress an HTML page with gzip if the client accepts it. The `Vary` header is added in headers.py.

    Files and streams are not compressed, because they may be large or be sent by the web server itself. Partial
    responses (206) are not compressed either.
    """
    if response.mimetype != "text/html" or response.direct_passthrough or not response.is_sequence:
        return
    if response.status_code == 206 or (response.calculate_content_length() or 0) < MIN_SIZE:
        return
    if accepts(request, "gzip") and "Content-Encoding" not in response.headers:
        set_compressed_body(response, gzip.compress(response.get_data(), LEVEL, mtime=0), "gzip")


def accepts(request: Request, encoding: str) -> bool:
    """Return whether the client accepts a body in this encoding, such as `gzip`."""
    header = request.environ.get("HTTP_ACCEPT_ENCODING", "")
    if len(header) > MAX_HEADER:
        return request.accept_encodings.quality(encoding) > 0
    return _accepts(header, encoding)


@lru_cache(maxsize=64)
def _accepts(header: str, encoding: str) -> bool:
    # Browsers send one of a few values, and parsing one takes 20 µs.
    return parse_accept_header(header, Accept).quality(encoding) > 0


def set_compressed_body(response: Response, body: bytes, encoding: str) -> None:
    """Replace the body of the response by `body`, which is compressed already."""
    response.set_data(body)
    response.headers["Content-Encoding"] = encoding
    response.headers.pop("Accept-Ranges", None)
    weaken_etag(response)


def weaken_etag(response: Response) -> None:
    """Mark the ETag as weak, because a strong one identifies the bytes of one encoding (RFC 9110, section 8.8.1)."""
    etag, _ = response.get_etag()
    if etag is not None:
        response.set_etag(etag, weak=True)
