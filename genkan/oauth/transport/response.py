"""Reading an HTTP answer under one deadline and one budget, whatever the other side does with them.

A timeout of a socket starts anew with each byte, and a limit on the body does not see endless headers, chunk
sizes or packed nothings. So both are kept where the bytes come in, below everything that understands them.
"""

from __future__ import annotations

import io
from http.client import HTTPResponse
from socket import socket
from time import monotonic
from typing import Any

BODY_BYTES = 1024 * 1024
"""Of one answer. An ID token with the names of a thousand groups takes about 70 kB, so a megabyte leaves room for every
answer that is meant well, and is little enough for a worker to read several at once."""

HEAD_BYTES = 64 * 1024
"""Allowance for status line, headers and chunk framing, on top of the body."""


class BodyTooLarge(Exception):
    """More bytes than allowed; deliberately no OSError, which would be taken for a lost connection."""


class LimitedResponse(HTTPResponse):
    """Reads for as long as the socket's timeout says at the beginning, all reads together.

    Raises TimeoutError at the end of that time and Overflow past the budget.
    """

    def __init__(self, sock: socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Measured(self.fp.detach(), sock))


class _Measured(io.RawIOBase):
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
