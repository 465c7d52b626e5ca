"""TCP server on loopback whose behaviour on each connection is a function of the test."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

Behaviour = Callable[["Line"], None]


class Line:
    """Accepted connection, whose request was read up to the end of the headers."""

    def __init__(self, connection: socket.socket, stopped: Event) -> None:
        self.connection = connection
        self.request = b""
        self.stopped = stopped

    def hear(self) -> None:
        """Read the request up to the end of the headers."""
        while b"\r\n\r\n" not in self.request:
            part = self.connection.recv(65536)
            if not part:
                return
            self.request += part

    def say(self, data: bytes) -> None:
        """Send the data."""
        self.connection.sendall(data)

    def drip(self, data: Iterable[int], seconds: float = 0.02) -> None:
        """Send single bytes, each before a read timeout would expire."""
        for byte in data:
            if self.stopped.wait(seconds):
                return
            self.say(bytes((byte,)))

    def hang(self) -> None:
        """Send nothing until the test ends or the client disconnects."""
        with suppress(OSError):
            self.connection.recv(1)


def saying(body: bytes, *headers: str, status: str = "200 OK") -> Behaviour:
    """Return the behaviour that sends one complete response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda line: line.say("\r\n".join(lines).encode() + body)


class Host:
    """Address of the server and its connections so far."""

    def __init__(self, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self.lines: list[Line] = []

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
        line = Line(plain, stopped)
        host.lines.append(line)
        threads.append(Thread(target=_serve, args=(line, behaviour, wrap), daemon=True))
        threads[-1].start()
    for line in host.lines:
        with suppress(OSError):
            line.connection.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


def _serve(line: Line, behaviour: Behaviour, wrap: Callable[[socket.socket], socket.socket]) -> None:
    with suppress(OSError):
        try:
            line.connection = wrap(line.connection)
            line.hear()
            behaviour(line)
        finally:
            line.connection.close()
