"""A real Redis that keeps nothing on disk, to be stopped and started in the middle of a test."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.process import Process, free_port, missing


class RedisServer:
    """A server on 127.0.0.1, empty after each start."""

    def __init__(self, program: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        settings = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process = Process([program, *settings], "Ready to accept connections")

    def start(self) -> None:
        """Returns when it takes connections; does nothing when it runs already."""
        self._process.start()

    def stop(self) -> None:
        """Gone from one moment to the next, as in a crash."""
        self._process.stop(signal.SIGKILL)

    def restart(self) -> None:
        """Gone, then back at the same address with nothing in it."""
        self.stop()
        self.start()


@contextmanager
def running() -> Iterator[RedisServer]:
    """A server for as long as the block lasts."""
    program = shutil.which("redis-server")
    if program is None:
        missing("Redis", "redis-server")
    server = RedisServer(program)
    try:
        server.start()
        yield server
    finally:
        server.stop()
