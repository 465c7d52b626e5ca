"""Server as a child process: start it, wait until it is ready, stop it, kill it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import NoReturn

import pytest

START_TIMEOUT = 30.0

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
"""Each process of a parallel run chooses from ports of its own: a port is taken only after it has been chosen."""


class Process:
    """Command whose output contains a line with the text `ready` once it accepts connections."""

    def __init__(self, command: list[str], ready: str, privileges: Sequence[str] = ()) -> None:
        # The kernel kills the child if the tests are killed. A later change of the user would reset that,
        # so one command does both.
        self._command = ["setpriv", *privileges, "--pdeathsig=KILL", *command]
        self._ready = ready
        self._child: subprocess.Popen[str] | None = None
        self._output: list[str] = []

    @property
    def pid(self) -> int:
        """Return the process id of the running child."""
        assert self._child is not None
        return self._child.pid

    @property
    def output(self) -> str:
        """Return what the child has printed so far."""
        return "".join(self._output)

    def start(self) -> None:
        """Start the server and wait until it accepts connections. Do nothing if it runs already."""
        if self._child is not None and self._child.poll() is None:
            return
        is_ready = Event()
        self._child = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = Thread(target=self._listen, args=(self._child, is_ready), daemon=True)
        self._reader.start()
        if not is_ready.wait(START_TIMEOUT) or self._child.poll() is not None:
            self.stop(signal.SIGKILL)
            pytest.fail(f"{self._command[-1]} did not start:\n" + "".join(self._output[-20:]))

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal and wait for the exit. Do nothing if the server does not run."""
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):
            child.send_signal(signum)
        child.wait(START_TIMEOUT)
        # A child of the server that outlived it would keep the port, and the pipe that the reader reads to its end.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        self._reader.join()
        if child.stdout is not None:
            child.stdout.close()

    def _listen(self, child: subprocess.Popen[str], is_ready: Event) -> None:
        # Reads to the end, as a full pipe would block the server.
        for line in child.stdout or ():
            self._output.append(line)
            if self._ready in line:
                is_ready.set()
        is_ready.set()


def free_port() -> int:
    """Return a free port of 127.0.0.1 below the ephemeral range, so that it stays free between a stop and a start."""
    while True:
        port = random.randrange(10_000 + WORKER, 32_000, WORKERS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_for_port(port: int) -> None:
    """Wait until a server accepts connections on this port of 127.0.0.1. Fails the test after START_TIMEOUT."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=START_TIMEOUT):
            return
        time.sleep(0.01)
    pytest.fail(f"no server listens on port {port}")


def missing(program: str, package: str) -> NoReturn:
    """Skip the test because a program is not installed. Fail it on CI, where no test may be skipped."""
    message = f"{program} is not installed (apt-get install {package})"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
