"""Redis server without persistence, which a test can stop and start."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.process import Process, free_port, missing


class RedisServer:
    """Server on 127.0.0.1. It is empty after each start."""

    def __init__(self, program: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        settings = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process = Process([program, *settings], "Ready to accept connections")

    def start(self) -> None:
        """Start the server and wait until it accepts connections. Do nothing if it runs already."""
        self._process.start()

    def stop(self) -> None:
        """Kill the server, as in a crash."""
        self._process.stop(signal.SIGKILL)

    def restart(self) -> None:
        """Kill the server and start it empty on the same port."""
        self.stop()
        self.start()


@contextmanager
def running() -> Iterator[RedisServer]:
    """Run a server during the block."""
    program = shutil.which("redis-server")
    if program is None:
        missing("Redis", "redis-server")
    server = RedisServer(program)
    try:
        server.start()
        yield server
    finally:
        server.stop()
