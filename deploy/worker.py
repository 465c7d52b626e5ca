"""Worker of the production server: gunicorn's gthread worker, which gives a request a thread after it has arrived.

gunicorn 27 gives a connection a thread at its first byte, so a few dozen slow clients occupy all threads. After a
response it also waits up to two seconds for the client to close, and serves no other request meanwhile. This worker
waits for both in the poller, which costs one socket each. gunicorn's parser still reads and checks every byte.
"""

from __future__ import annotations

import re
import selectors
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from socket import SHUT_WR, socket

from gunicorn.http import errors
from gunicorn.util import close, write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker

REQUEST_TIMEOUT = 10.0
"""Seconds in which head and body of a request must arrive."""

LINGER_TIMEOUT = 2.0
"""Seconds in which a client must close the connection after the last response."""

RECEIVE = 64 * 1024
"""Bytes to read in one call."""

HEAD_LIMIT = 64 * 1024
"""Bytes of a head. A longer one is refused here, because the parser would occupy a thread until its end."""

BODY_LIMIT = 64 * 1024
"""Bytes of a body that is buffered. A longer one gets a thread at once, which reads it as it arrives."""

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,5})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
ANY_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
LAST_CHUNK = b"\r\n0\r\n\r\n"

ERROR_STATUS: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (errors.ParseException, HTTPStatus.BAD_REQUEST),
)
"""Statuses for the errors of the parser. The first matching class counts. Every other error is a 500."""


def is_complete(received: bytes | bytearray) -> bool:
    """Return True if the request has arrived, or if it is too large or too unusual to be buffered."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return b"\n\n" in received
    body = len(received) - (end + 4)
    length = LENGTH.search(received, 0, end + 2)
    if CHUNKED.search(received, 0, end + 2):
        return bool(length) or body > BODY_LIMIT or received.find(LAST_CHUNK, end + 2) > 0
    return not length or body >= int(length[1]) or int(length[1]) > BODY_LIMIT


def head_too_long(received: bytes | bytearray) -> bool:
    """Return True if the head is longer than HEAD_LIMIT. gunicorn would occupy a thread without limit."""
    return len(received) > HEAD_LIMIT and received.find(b"\r\n\r\n", 0, HEAD_LIMIT) < 0


def has_unread_body(received: bytes | bytearray) -> bool:
    """Return True if a part of the body has not arrived yet."""
    end = received.find(b"\r\n\r\n") + 4
    length = ANY_LENGTH.search(received, 0, end)
    if length:
        return len(received) - end < int(length[1])
    return b"transfer-encoding" in received[:end].lower() and received.find(LAST_CHUNK, end - 2) < 0


class BufferingWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gthread worker in which slow clients occupy no threads. It speaks plain HTTP only."""

    def enqueue_req(self, connection: TConn) -> None:
        """Wait for the next request of `connection`, then give it a thread. gunicorn calls this for every request."""
        connection.init()
        connection.data_ready = True
        connection.waiting = False
        connection.close = partial(self._close, connection)
        connection.sock.setblocking(False)
        connection.received = bytearray(connection.parser.unreader.take_buffered())
        self._receive(connection)

    def murder_pending(self) -> None:
        """Close connections that have timed out. gunicorn calls this at least once a second."""
        now = time.monotonic()
        for connection in [late for late in self.pending_conns if late.timeout <= now]:
            self._drop(connection)

    def handle_error(self, request: object, client: socket, address: object, error: Exception) -> None:
        """Send an error response of ours. gunicorn's own page and log line repeat parts of the request."""
        status = next((status for kind, status in ERROR_STATUS if isinstance(error, kind)), None)
        if status is None:
            self.log.error("A request failed outside the app", exc_info=error)
        else:
            self.log.warning("Refused a request: %s", type(error).__name__)
        write_nonblock(client, error_response(status or HTTPStatus.INTERNAL_SERVER_ERROR))

    def _receive(self, connection: TConn, _socket: socket | None = None) -> None:
        data = recv_available(connection.sock)
        connection.received += data or b""
        if data == b"":
            self._drop(connection)
        elif head_too_long(connection.received):
            self._refuse(connection, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif is_complete(connection.received):
            self._hand_over(connection)
        else:
            self._wait(connection, REQUEST_TIMEOUT, self._receive)

    def _keepalive_after(self, connection: TConn, keepalive: bool) -> bool:
        # gunicorn would read an unread body in a thread for up to five seconds. `_drain` does it in the poller.
        return keepalive and not connection.unfinished and bool(super()._keepalive_after(connection, keepalive))

    def _refuse(self, connection: TConn, status: HTTPStatus) -> None:
        self._stop_waiting(connection)
        self.log.warning("Refused a request: %s", status.phrase)
        write_nonblock(connection.sock, error_response(status))
        self.nr_conns -= 1
        connection.close(graceful=True)

    def _hand_over(self, connection: TConn) -> None:
        connection.unfinished = has_unread_body(connection.received)
        self._stop_waiting(connection)
        connection.parser.unreader.unread(bytes(connection.received))
        super().enqueue_req(connection)

    def _close(self, connection: TConn, graceful: bool = False) -> None:
        # RFC 9112, section 9.6: the client receives the whole response only if the server keeps reading until it closes.
        if graceful and shutdown_write(connection.sock):
            connection.received.clear()
            self.nr_conns += 1
            self._wait(connection, LINGER_TIMEOUT, self._drain)
        else:
            close(connection.sock)

    def _drain(self, connection: TConn, _socket: socket) -> None:
        data = recv_available(connection.sock)
        connection.received += data or b""
        if data == b"" or len(connection.received) > BODY_LIMIT:
            self._drop(connection)

    def _drop(self, connection: TConn) -> None:
        self._stop_waiting(connection)
        self.nr_conns -= 1
        connection.close()

    def _wait(self, connection: TConn, seconds: float, readable: Callable[[TConn, socket], None]) -> None:
        if not connection.waiting:
            connection.waiting = True
            connection.timeout = time.monotonic() + seconds
            self.pending_conns.append(connection)
            self.poller.register(connection.sock, selectors.EVENT_READ, partial(readable, connection))

    def _stop_waiting(self, connection: TConn) -> None:
        if connection.waiting:
            connection.waiting = False
            self.pending_conns.remove(connection)
            self.poller.unregister(connection.sock)


def recv_available(sock: socket) -> bytes | None:
    """Return the bytes that have arrived on a non-blocking socket, None for none yet, or b"" at the end."""
    try:
        return sock.recv(RECEIVE)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def shutdown_write(sock: socket) -> bool:
    """Close the sending side of the socket. Returns False if the client has closed the connection."""
    try:
        sock.shutdown(SHUT_WR)
        sock.setblocking(False)
    except OSError:
        return False
    return True


def error_response(status: HTTPStatus) -> bytes:
    """Return a complete response with the status and its phrase."""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(status.phrase)}",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Cache-Control: no-store",
    )
    return "\r\n".join((*head, "", status.phrase)).encode()
