"""Application under each compared server, with two workers each, at the same time."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from app import create_app
from bench.cookies import Cookies
from bench.served import free_port
from deploy import serve
from genkan.adapters.sqlalchemy import migrations
from genkan.settings import environment as settings_reader

THREADS = "16"
"""Threads of each worker of gthread and granian. BufferingWorker has the number of deploy/serve.py."""

BUFFER = str(128 * 1024)
"""Bytes. granian's buffer holds the head of a request, with the longest session cookies that are read."""

START_TIMEOUT = 30.0
STOP_TIMEOUT = 30.0


@dataclass(frozen=True)
class Contender:
    """Running server, its port, and the cookies of a user who is signed in there."""

    name: str
    port: int
    cookies: Cookies
    process: subprocess.Popen[bytes]

    @property
    def origin(self) -> str:
        """Return the origin, which is also its AUTH_URL."""
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> float:
        """Return the median PSS of the workers in MiB."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        sizes = [_proportional(pid) for pid in Path(path).read_text().split()]
        return median(sorted(sizes)[-2:])


def _proportional(pid: str) -> float:
    found = re.search(r"Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text())
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def all_running(folder: str, provider: Mapping[str, str], granian: str | None) -> Iterator[list[Contender]]:
    """Run all servers, each with its own origin and database. `granian` is the path of a Python with granian, or None."""
    names = ["gunicorn", "gunicorn + BufferingWorker", *(["granian"] if granian else [])]
    secret = secrets.token_urlsafe(48)
    with ExitStack() as stack:
        yield [stack.enter_context(_running(name, _environment(folder, provider, secret), granian)) for name in names]


def _environment(folder: str, provider: Mapping[str, str], secret: str) -> dict[str, str]:
    port = free_port()
    return {
        "PATH": os.environ["PATH"],
        "GENKAN_ENV": "production",
        "AUTH_SECRET": secret,
        "AUTH_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:///{folder}/{port}.db",
        "PORT": str(port),
        "MALLOC_ARENA_MAX": "2",  # as deploy/serve.py does
        **provider,
    }


@contextmanager
def _running(name: str, environment: Mapping[str, str], granian: str | None) -> Iterator[Contender]:
    migrations.upgrade(environment["DATABASE_URL"])
    port = int(environment["PORT"])
    command = _granian(granian, port) if name == "granian" and granian else _gunicorn(name, environment)
    process = subprocess.Popen(
        command,
        cwd=settings_reader.ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_up(name, port)
        yield Contender(name, port, Cookies(create_app(environment)), process)
    finally:
        _stop(process)


def _gunicorn(name: str, environment: Mapping[str, str]) -> list[str]:
    """Return the command of deploy/serve.py. For plain gunicorn, worker class and threads are replaced."""
    command = serve.gunicorn_args(replace(settings_reader.from_environment(environment), workers=2))
    if name == "gunicorn":
        for option, value in (("--worker-class", "gthread"), ("--threads", THREADS)):
            command[command.index(option) + 1] = value
    return command


def _granian(python: str, port: int) -> list[str]:
    return [
        *(python, "-OO", "-m", "granian", "--interface", "wsgi", "--factory", "app:create_app"),
        *("--host", "127.0.0.1", "--port", str(port), "--http", "1", "--no-ws"),
        *("--workers", "2", "--blocking-threads", THREADS),
        *("--http1-buffer-size", BUFFER, "--http1-header-read-timeout", "10000", "--backlog", "2048"),
        *("--workers-kill-timeout", "15", "--no-access-log"),
    ]


def _wait_until_up(name: str, port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/health/live")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    sys.exit(f"genkan: {name} did not start")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # The whole process group, so that no worker outlives its master process.
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
