"""A host on loopback that does with each connection exactly what the test says, byte by byte."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

Behaviour = Callable[["Line"], None]


class Line:
    """One accepted connection, with its request already read up to the end of the headers."""

    def __init__(self, connection: socket.socket, ended: Event) -> None:
        self.connection = connection
        self.request = b""
        self.ended = ended

    def hear(self) -> None:
        """Read the request's head."""
        while b"\r\n\r\n" not in self.request:
            part = self.connection.recv(65536)
            if not part:
                return
            self.request += part

    def say(self, data: bytes) -> None:
        """Send."""
        self.connection.sendall(data)

    def drip(self, data: Iterable[int], seconds: float = 0.02) -> None:
        """Send a byte at a time, each soon enough to please a timeout per read."""
        for byte in data:
            if self.ended.wait(seconds):
                return
            self.say(bytes((byte,)))

    def hang(self) -> None:
        """Keep silent until the test is over or the other side leaves."""
        with suppress(OSError):
            self.connection.recv(1)


def saying(body: bytes, *headers: str, status: str = "200 OK") -> Behaviour:
    """One whole, honest answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda line: line.say("\r\n".join(lines).encode() + body)


class Host:
    """Where it listens, and how many connections came."""

    def __init__(self, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self.lines: list[Line] = []

    @property
    def url(self) -> str:
        """The origin over plain http."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(
    behaviour: Behaviour, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain
) -> Iterator[Host]:
    """Listen on a free port of 127.0.0.1; every connection gets `behaviour` in a thread of its own."""
    ended = Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = Host(listener)
        acceptor = Thread(target=_accept, args=(listener, host, behaviour, wrap, ended), daemon=True)
        acceptor.start()
        try:
            yield host
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()


def _accept(
    listener: socket.socket,
    host: Host,
    behaviour: Behaviour,
    wrap: Callable[[socket.socket], socket.socket],
    ended: Event,
) -> None:
    threads = []
    while not ended.is_set():
        try:
            plain, _ = listener.accept()
        except OSError:
            break
        line = Line(plain, ended)
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
