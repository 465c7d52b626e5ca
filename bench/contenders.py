"""The whole application under each server that could have been chosen, with two workers, side by side."""

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
"""What a contender lends to requests in each worker; ours lends what serve.py says."""

BUFFER = str(128 * 1024)
"""granian's buffer holds the head of a request, so the longest session that is read at all fits."""

START_WITHIN = 30.0
STOP_WITHIN = 30.0


@dataclass(frozen=True)
class Contender:
    """A server that runs, where it is, and what somebody who is signed in there sends."""

    name: str
    port: int
    cookies: Cookies
    process: subprocess.Popen[bytes]

    @property
    def origin(self) -> str:
        """Its address, and its AUTH_URL."""
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> float:
        """MiB of a worker, shared pages divided among those who share them."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        sizes = [_proportional(pid) for pid in Path(path).read_text().split()]
        return median(sorted(sizes)[-2:])


def _proportional(pid: str) -> float:
    found = re.search(r"Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text())
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def all_running(folder: str, provider: Mapping[str, str], granian: str | None) -> Iterator[list[Contender]]:
    """All of them, each with an origin and a database of its own; `granian` is a Python that has it, if any."""
    names = ["gunicorn", "gunicorn + PatientWorker", *(["granian"] if granian else [])]
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
        "MALLOC_ARENA_MAX": "2",  # as serve.py does
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
    """serve.py's command; for gunicorn without our worker, all of it but the worker and its threads."""
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
    latest = time.monotonic() + START_WITHIN
    while time.monotonic() < latest:
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
    # A worker that does not go must not outlive its master, so the group is told.
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
