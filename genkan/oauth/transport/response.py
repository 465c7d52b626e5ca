"""HTTP responses limited in time and size.

A socket timeout starts again with each byte, and a limit on the body does not count headers, chunk sizes or compressed
data. So both limits apply where the bytes are received.
"""

from __future__ import annotations

import io
from http.client import HTTPResponse
from socket import socket
from time import monotonic
from typing import Any

BODY_BYTES = 1024 * 1024
"""Bytes of a body. An ID token with the names of a thousand groups has about 70 kB. A worker can hold several responses of
this size at once."""

READ_BYTES = 64 * 1024
"""Bytes of one read. A read of the whole limit at once makes urllib3 copy its buffer for each empty gzip member: 1.6 s of
CPU for a body of such members, instead of 0.1 s."""

HEAD_BYTES = 64 * 1024
"""Bytes for status line, headers and chunk sizes, in addition to the body."""


class BodyTooLarge(Exception):
    """The response is too large. Not an OSError, which would be taken for a lost connection."""


class LimitedResponse(HTTPResponse):
    """Limits all reads together to the socket's initial timeout and to HEAD_BYTES + BODY_BYTES.

    Raises TimeoutError and BodyTooLarge.
    """

    def __init__(self, sock: socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_LimitedReader(self.fp.detach(), sock))

    def begin(self) -> None:
        """Read the head of the response. No other request is sent on the connection (RFC 9112, section 9.6).

        Each request has asked the server to close it. Some servers do so without the header that says it, and a request
        sent meanwhile would fail.
        """
        super().begin()
        self.will_close = True


class _LimitedReader(io.RawIOBase):
    def __init__(self, source: io.RawIOBase, sock: socket) -> None:
        self._source = source
        self._sock = sock
        self._left = HEAD_BYTES + BODY_BYTES
        self._ends = monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seconds = self._ends - monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(seconds)
        count = self._source.readinto(buffer) or 0
        self._left -= count
        if self._left < 0:
            raise BodyTooLarge
        return count

    def close(self) -> None:
        self._source.close()
        super().close()
