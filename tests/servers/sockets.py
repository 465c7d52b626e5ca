"""TCP server on loopback whose behaviour on each connection is a function of the test."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

Behaviour = Callable[["Connection"], None]


class Connection:
    """Accepted connection, whose request was read up to the end of the headers."""

    def __init__(self, connection: socket.socket, stopped: Event) -> None:
        self.socket = connection
        self.request = b""
        self.stopped = stopped

    def read_head(self) -> None:
        """Read the request up to the end of the headers."""
        while b"\r\n\r\n" not in self.request:
            part = self.socket.recv(65536)
            if not part:
                return
            self.request += part

    def send(self, data: bytes) -> None:
        """Send the data."""
        self.socket.sendall(data)

    def drip(self, data: Iterable[int], seconds: float = 0.02) -> None:
        """Send single bytes, each before a read timeout would expire."""
        for byte in data:
            if self.stopped.wait(seconds):
                return
            self.send(bytes((byte,)))

    def hang(self) -> None:
        """Send nothing until the test ends or the client disconnects."""
        with suppress(OSError):
            self.socket.recv(1)


def respond_with(body: bytes, *headers: str, status: str = "200 OK") -> Behaviour:
    """Return the behaviour that sends one complete response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda connection: connection.send("\r\n".join(lines).encode() + body)


class Host:
    """Address of the server and its connections so far."""

    def __init__(self, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self.connections: list[Connection] = []

    @property
    def url(self) -> str:
        """Return the origin with the scheme http."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(
    behaviour: Behaviour, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain
) -> Iterator[Host]:
    """Listen on a free port of 127.0.0.1 and run `behaviour` for every connection in its own thread."""
    stopped = Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = Host(listener)
        acceptor = Thread(target=_accept, args=(listener, host, behaviour, wrap, stopped), daemon=True)
        acceptor.start()
        try:
            yield host
        finally:
            stopped.set()
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()


def _accept(
    listener: socket.socket,
    host: Host,
    behaviour: Behaviour,
    wrap: Callable[[socket.socket], socket.socket],
    stopped: Event,
) -> None:
    threads = []
    while not stopped.is_set():
        try:
            plain, _ = listener.accept()
        except OSError:
            break
        connection = Connection(plain, stopped)
        host.connections.append(connection)
        threads.append(Thread(target=_serve, args=(connection, behaviour, wrap), daemon=True))
        threads[-1].start()
    for connection in host.connections:
        with suppress(OSError):
            connection.socket.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


def _serve(connection: Connection, behaviour: Behaviour, wrap: Callable[[socket.socket], socket.socket]) -> None:
    with suppress(OSError):
        try:
            connection.socket = wrap(connection.socket)
            connection.read_head()
            behaviour(connection)
        finally:
            connection.socket.close()
