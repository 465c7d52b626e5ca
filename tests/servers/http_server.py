"""Small HTTP server in a thread, which can also fail in the ways of a network."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """Request that the server received."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, str]
    headers: Message
    raw: bytes = b""
    """The body as it was sent."""

    @property
    def authorization(self) -> str | None:
        """Return the scheme of the Authorization header, such as Basic, or None."""
        header = self.headers.get("Authorization")
        return header.split(" ", 1)[0] if header else None


@dataclass(frozen=True, slots=True)
class CannedResponse:
    """Response to send. `fault` names the way in which sending it fails, see FAULTS."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None

    @classmethod
    def json(cls, document: object, status: int = 200, fault: str | None = None) -> CannedResponse:
        """Return a JSON response with `Cache-Control: no-store`."""
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return cls(json.dumps(document).encode(), status, headers, fault)

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> CannedResponse:
        """Return a redirect."""
        return cls(status=status, headers={"Location": location})


class Server:
    """HTTP server on a free port of 127.0.0.1. It can be stopped and started on the same port."""

    def __init__(self, answer: Callable[[Call], CannedResponse]) -> None:
        self.answer = answer
        self.errors: list[BaseException] = []
        self.port = 0
        self.stopped = Event()

    def start(self) -> None:
        """Start to accept connections."""
        self.stopped.clear()
        self._http = _Listener(self)
        self.port = self._http.server_port
        self._thread = Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections and end the requests that wait."""
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: Server) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", owner.port), _Handler)

    def handle_error(self, *_: object) -> None:
        """Print nothing. Clients that disconnect are expected, and errors of this server are kept in `errors`."""


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def _serve(self) -> None:
        try:
            answer = self.server.owner.answer(self._call())
        except Exception as error:  # noqa: BLE001 - an error of the server must fail the test, see `errors`
            self.server.owner.errors.append(error)
            return
        with suppress(OSError):
            if answer.fault:
                FAULTS[answer.fault](self, answer)
            else:
                self._send(answer)

    def _call(self) -> Call:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = dict(parse_qsl(raw.decode(), keep_blank_values=True))
        return Call(self.command, parts.path, dict(parse_qsl(parts.query)), body, self.headers, raw)

    def _send(self, answer: CannedResponse, length: int | None = None) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) if length is None else length))
        self.end_headers()
        self.wfile.write(answer.body)


def _respond(
    body: bytes, status: int = 200, content_type: str = "application/json"
) -> Callable[[_Handler, CannedResponse], None]:
    return lambda handler, _: handler._send(CannedResponse(body, status, {"Content-Type": content_type}))


def _reset(handler: _Handler, _: CannedResponse) -> None:
    # Lingering for no time makes the kernel send RST instead of FIN.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def _cut_off(handler: _Handler, answer: CannedResponse) -> None:
    handler._send(CannedResponse(answer.body[: len(answer.body) // 2], headers=answer.headers), length=len(answer.body))


def _hang(handler: _Handler, _: CannedResponse) -> None:
    handler.server.owner.stopped.wait()


def _drip(handler: _Handler, answer: CannedResponse) -> None:
    handler._send(CannedResponse(b"", headers=answer.headers), length=MEBIBYTE)
    _trickle(handler, itertools.repeat(ord(" ")))


def _drip_headers(handler: _Handler, _: CannedResponse) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    _trickle(handler, itertools.cycle(b"X-Slow: yes\r\n"))


def _trickle(handler: _Handler, data: Iterable[int]) -> None:
    for byte in data:
        if handler.server.owner.stopped.wait(0.02):
            return
        handler.wfile.write(bytes((byte,)))


def _huge(handler: _Handler, answer: CannedResponse) -> None:
    handler._send(CannedResponse(answer.body + b" " * 4 * MEBIBYTE, headers=answer.headers))


def _bomb(handler: _Handler, answer: CannedResponse) -> None:
    compressed = gzip.compress(answer.body + b" " * 16 * MEBIBYTE)
    handler._send(CannedResponse(compressed, headers={**answer.headers, "Content-Encoding": "gzip"}))


def _redirect(status: int) -> Callable[[_Handler, CannedResponse], None]:
    return lambda handler, _: handler._send(CannedResponse.redirect(f"/elsewhere{handler.path}", status))


FAULTS: dict[str, Callable[[_Handler, CannedResponse], None]] = {
    "500": _respond(b'{"error": "server_error"}', 500),
    "503": _respond(b"", 503),
    "html": _respond(b"<!doctype html><title>Maintenance</title>", content_type="text/html"),
    "bad-json": _respond(b'{"access_token": '),
    "list": _respond(b"[]"),
    "deep-json": _respond(b"[" * 200_000),
    "not-utf8": _respond(b'{"a": "\xff\xfe"}'),
    "empty": _respond(b""),
    "reset": _reset,
    "cut-off": _cut_off,
    "hang": _hang,
    "drip": _drip,
    "drip-headers": _drip_headers,
    "huge": _huge,
    "bomb": _bomb,
    "redirect": _redirect(302),
    "redirect-307": _redirect(307),
}
