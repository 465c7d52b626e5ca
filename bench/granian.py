"""Application under granian, as `make serve` runs it, with the memory and the processor time of its workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from deploy import serve
from genkan.settings.environment import ROOT

THREADS = 16
BUFFER = 128 * 1024
"""Bytes for the head of a request, with the longest session cookies that are read."""

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """Running server: its name in tables, its port, and its main process."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def origin(self) -> str:
        """Return the origin, which is also its AUTH_URL."""
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        """Return the process ids of the workers, or of the process itself if it has no workers."""
        children = _children(self.process.pid)
        workers = [pid for pid in children if b"resource_tracker" not in _read(pid, "cmdline")]
        return workers or [self.process.pid]

    def memory(self) -> float:
        """Return the RSS of the largest worker in MiB."""
        return max(_rss(pid) for pid in self.workers())

    def cpu(self) -> float:
        """Return the seconds of processor time that the workers have used."""
        return sum(_cpu(pid) for pid in self.workers())


def _children(pid: int) -> list[int]:
    return [int(child) for child in _read(pid, f"task/{pid}/children").split()]


def _read(pid: int, name: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


def _rss(pid: int) -> float:
    found = re.search(rb"VmRSS:\s+(\d+) kB", _read(pid, "status"))
    return int(found[1]) / 1024 if found else 0.0


def _cpu(pid: int) -> float:
    # The name of the program, in parentheses, may contain spaces. utime and stime are the 14th and 15th field.
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def command(target: str, port: int, *, workers: int, threads: int = THREADS, python: str = sys.executable) -> list[str]:
    """Return the command that serves `target`, such as `app:create_app`."""
    return [
        *(python, "-OO", "-m", "granian", "--interface", "wsgi", "--factory", target),
        *("--host", "127.0.0.1", "--port", str(port), "--http", "1", "--no-ws"),
        *("--workers", str(workers), "--blocking-threads", str(threads)),
        *("--http1-buffer-size", str(BUFFER), "--http1-header-read-timeout", "10000", "--backlog", "2048"),
        *("--workers-kill-timeout", "15", "--no-access-log"),
    ]


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    port: int,
    environment: Mapping[str, str],
    *,
    path: str = "/health/live",
    folder: Path = ROOT,
) -> Iterator[Server]:
    """Run the command until the end of the block. It has started when `path` answers with a status below 500."""
    server = start(name, command, port, environment, folder=folder)
    try:
        wait_until_up(server, path)
        yield server
    finally:
        stop(server)


def start(name: str, command: Sequence[str], port: int, environment: Mapping[str, str], *, folder: Path) -> Server:
    """Start the command in a process group of its own."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], **serve.MALLOC, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return Server(name, port, process)


def wait_until_up(server: Server, path: str) -> None:
    """Return when the server answers. Exit if it ends, or does not answer within START_TIMEOUT seconds."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and server.process.poll() is None:
        if answers(server.port, path):
            return
        time.sleep(0.05)
    sys.exit(f"genkan: {server.name} did not start")


def answers(port: int, path: str) -> bool:
    """Return True if the port answers a request with a status below 500."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def stop(server: Server) -> None:
    """Stop the server and its workers, gracefully if that takes less than STOP_TIMEOUT seconds."""
    with suppress(ProcessLookupError):
        server.process.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.process.wait(STOP_TIMEOUT)
    # The whole process group, so that no worker outlives its main process.
    with suppress(ProcessLookupError):
        os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
