"""A real server as a child of the tests: started, watched until it says it is ready, stopped, killed."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import NoReturn

import pytest

START_WITHIN = 30.0

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
"""Each process of a parallel run chooses from ports of its own: a port is taken only after it has been chosen."""


class Process:
    """A command that announces in its output when it is ready."""

    def __init__(self, command: list[str], ready: str, privileges: Sequence[str] = ()) -> None:
        # The kernel ends the child when the tests die without a chance to. (Changing users afterwards would undo
        # that, so both happen in one step.)
        self._command = ["setpriv", *privileges, "--pdeathsig=KILL", *command]
        self._ready = ready
        self._child: subprocess.Popen[str] | None = None
        self._output: list[str] = []

    @property
    def pid(self) -> int:
        """The running child's process id."""
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        """Returns when the server takes connections; does nothing when it runs already."""
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
        if not is_ready.wait(START_WITHIN) or self._child.poll() is not None:
            self.stop(signal.SIGKILL)
            pytest.fail(f"{self._command[-1]} did not start:\n" + "".join(self._output[-20:]))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Returns when it is gone; does nothing when it is gone already."""
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):
            child.send_signal(how)
        child.wait(START_WITHIN)
        # A child of its own that outlived it would keep the port, and the pipe that the reader reads to its end.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        self._reader.join()
        if child.stdout is not None:
            child.stdout.close()

    def _listen(self, child: subprocess.Popen[str], is_ready: Event) -> None:
        # It reads to the end: a full pipe would stop the server.
        for line in child.stdout or ():
            self._output.append(line)
            if self._ready in line:
                is_ready.set()
        is_ready.set()


def free_port() -> int:
    """A port of 127.0.0.1 that is free and stays so between a stop and a start: below the ephemeral ones."""
    while True:
        port = random.randrange(10_000 + WORKER, 32_000, WORKERS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def missing(what: str, package: str) -> NoReturn:
    """Ends the test: skipped on a developer's machine that lacks the server, failed where nothing may be skipped."""
    sentence = f"{what} is not installed (apt-get install {package})"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
