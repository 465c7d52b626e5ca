"""Proxy on loopback that serves CONNECT, as the outbound proxies of companies do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread


class ConnectProxy(ThreadingTCPServer):
    """Connects every host name to 127.0.0.1, so that names need no name server."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.requests: list[str] = []
        """First line of each request."""
        self.authorizations: list[str] = []
        """Proxy-Authorization header of each request that has one."""
        self.refuses = False
        """True: the proxy answers 407."""

    @property
    def port(self) -> int:
        """Return the port."""
        return int(self.server_address[1])


class _Tunnel(BaseRequestHandler):
    server: ConnectProxy

    def handle(self) -> None:
        """Read the head of the request, connect and pass on the bytes in both directions."""
        head = b""
        while b"\r\n\r\n" not in head and (part := self.request.recv(4096)):
            head += part
        first, *fields = head.decode("latin-1").split("\r\n")
        self.server.requests.append(first)
        self.server.authorizations += [field for field in fields if field.lower().startswith("proxy-authorization:")]
        if self.server.refuses:
            self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", int(first.split()[1].rpartition(":")[2]))) as other:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = Thread(target=_pump, args=(other, self.request), daemon=True)
            back.start()
            _pump(self.request, other)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def connect_proxy() -> Iterator[ConnectProxy]:
    """Yield a running proxy."""
    with ConnectProxy() as proxy:
        thread = Thread(target=proxy.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()
