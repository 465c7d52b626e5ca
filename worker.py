"""The production server's worker: gunicorn's threads, each given a request only when all of it has arrived.

Left alone, gunicorn lends a thread to a connection from its first byte on, so a few dozen clients that dribble
their headers or a form keep every thread waiting. Here they wait with the poller, which costs a socket each.
gunicorn's parser still reads and judges every byte; this file only decides when it is called.
"""

from __future__ import annotations

import re
import selectors
import time
from functools import partial
from socket import socket

from gunicorn.workers.gthread import TConn, ThreadWorker

PATIENCE = 10.0
"""Seconds for a request to arrive in, from its first byte or the connection's opening to its last byte."""

HEAD_LIMIT = 64 * 1024
"""Bytes of a head held here before the parser is asked, which refuses it: its own limits are lower."""

BODY_LIMIT = 64 * 1024
"""Bytes of a body held here; no route takes more, so a longer one is for the app to refuse by its length."""

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,5})[ \t]*\r\n", re.IGNORECASE)


def has_arrived(received: bytes | bytearray) -> bool:
    """Whether a request is complete, or so large or odd that waiting for the rest of it makes no sense."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return len(received) > HEAD_LIMIT
    length = CONTENT_LENGTH.search(received, 0, end + 2)
    missing = end + 4 + int(length[1]) - len(received) if length else 0
    return missing <= 0 or missing > BODY_LIMIT


class PatientWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's gthread worker, deaf to clients that only dribble. Without TLS, which the proxy in front ends."""

    def enqueue_req(self, connection: TConn) -> None:
        """A thread for `connection` as soon as its next request is here; gunicorn calls this for every request."""
        connection.init()
        connection.data_ready = True
        connection.sock.setblocking(False)
        connection.received = bytearray(connection.parser.unreader.take_buffered())
        connection.timeout = time.monotonic() + PATIENCE
        self.pending_conns.append(connection)
        self.poller.register(connection.sock, selectors.EVENT_READ, partial(self._receive, connection))
        self._receive(connection, connection.sock)

    def _receive(self, connection: TConn, sock: socket) -> None:
        try:
            data = sock.recv(HEAD_LIMIT)
        except BlockingIOError:
            if not has_arrived(connection.received):
                return
        except OSError:
            self._give_up(connection)
            return
        else:
            if not data:
                self._give_up(connection)
                return
            connection.received += data
        if has_arrived(connection.received):
            self._hand_over(connection)

    def _hand_over(self, connection: TConn) -> None:
        self._stop_waiting(connection)
        connection.parser.unreader.unread(bytes(connection.received))
        super().enqueue_req(connection)

    def _give_up(self, connection: TConn) -> None:
        self._stop_waiting(connection)
        self.nr_conns -= 1
        connection.close()

    def _stop_waiting(self, connection: TConn) -> None:
        self.pending_conns.remove(connection)
        self.poller.unregister(connection.sock)
