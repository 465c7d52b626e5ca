"""HTTP client for many requests: kept connections, and any bytes as headers."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse

TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Response to one request. The status is 0 if there was none."""

    status: int
    set_cookies: tuple[str, ...] = ()
    location: str = ""
    body: bytes = b""


class RawClient:
    """Connection that is kept as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def send(self, method: str, path: bytes, headers: Sequence[tuple[str, bytes]], body: bytes = b"") -> Answer:
        """Send a request, again on a new connection if the kept one was closed."""
        lines = [method.encode() + b" " + path + b" HTTP/1.1", f"Host: 127.0.0.1:{self._port}".encode()]
        lines += [name.encode() + b": " + value for name, value in headers]
        if body or method in {"POST", "PUT", "PATCH"}:
            lines.append(b"Content-Length: " + str(len(body)).encode())
        message = b"\r\n".join([*lines, b"", b""]) + body
        is_new = self._socket is None
        answer = self._exchange(message, method)
        return self._exchange(message, method) if answer.status == 0 and not is_new else answer

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _exchange(self, message: bytes, method: str) -> Answer:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), TIMEOUT)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(message)
            response = HTTPResponse(self._socket, method=method)
            response.begin()
            body = response.read()
            is_kept = not response.will_close
            response.close()
        except (OSError, HTTPException):
            self.close()
            return Answer(0)
        if not is_kept:
            self.close()
        cookies = tuple(response.headers.get_all("Set-Cookie") or ())
        return Answer(response.status, cookies, response.headers.get("Location") or "", body)
