"""Application under each compared server, with two workers each, at the same time."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
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
from tests.servers.caching_proxy import documented_nginx

CONTENDERS = ("gunicorn", "granian", "gunicorn behind nginx", "granian behind nginx")
"""The servers of deploy/serve.py, alone and behind nginx with deploy/nginx.conf."""

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
def all_running(
    folder: str, provider: Mapping[str, str], names: Sequence[str] = CONTENDERS, threads: int = serve.THREADS
) -> Iterator[list[Contender]]:
    """Run the servers of these names, each with its own origin and database."""
    secret = secrets.token_urlsafe(48)
    with ExitStack() as stack:
        yield [stack.enter_context(_running(name, _environment(folder, provider, secret), threads)) for name in names]


def _environment(folder: str, provider: Mapping[str, str], secret: str) -> dict[str, str]:
    port = free_port()
    return {
        "PATH": os.environ["PATH"],
        "GENKAN_ENV": "production",
        "AUTH_SECRET": secret,
        "AUTH_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:///{folder}/{port}.db",
        "PORT": str(port),
        **serve.MALLOC,
        "TRUSTED_PROXY_HOPS": "1",
        **provider,
    }


@contextmanager
def _running(name: str, environment: Mapping[str, str], threads: int) -> Iterator[Contender]:
    migrations.upgrade(environment["DATABASE_URL"])
    server, _, proxy = name.partition(" behind ")
    port = int(environment["PORT"])
    backend = free_port() if proxy else port
    settings = replace(settings_reader.from_environment(environment), workers=2, port=backend)
    command = serve.SERVERS[server](settings)
    command[command.index("--threads" if server == "gunicorn" else "--blocking-threads") + 1] = str(threads)
    process = subprocess.Popen(
        command,
        cwd=settings_reader.ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with documented_nginx(port, backend) if proxy else nullcontext():
            _wait_until_up(name, port)
            yield Contender(name, port, Cookies(create_app(environment)), process)
    finally:
        _stop(process)


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
