"""Cost of `auth()` under the production server, in requests per second against routes without it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from flask import Flask

from bench.application import session_cookie
from deploy import serve
from genkan.settings import environment

ROUNDS = 7
SECONDS = 2
CONNECTIONS = 8

PLAIN = "plain:"
"""Prefix of a route of bench/plain.py, which runs on its own server."""

PAIRS: tuple[tuple[str, str, str, bool, str], ...] = (
    ("`GET /api/auth/session`, signed in, against plain Flask", "/api/auth/session", f"{PLAIN}/json", True, ">= 0.90"),
    ("the same against the bare route of the application", "/api/auth/session", "/health/live", True, ""),
    ("the bare route of the application against plain Flask", "/health/live", f"{PLAIN}/json", True, ""),
    ("`GET /api/auth/session`, signed out, against plain Flask", "/api/auth/session", f"{PLAIN}/json", False, ""),
    ("`GET /api/user/profile` against plain Flask", "/api/user/profile", f"{PLAIN}/profile", True, ">= 0.80"),
    ("the menu fragment, signed in, against plain Flask", "/partials/user-menu", f"{PLAIN}/menu", True, ">= 0.62"),
    ("the dashboard against plain Flask", "/dashboard", f"{PLAIN}/page", True, ">= 0.85"),
)
"""Name, measured route, compared route, whether the user is signed in, target."""


def measure(app: Flask) -> Iterator[str]:
    """Start the servers, yield rows of a Markdown table, and stop the servers."""
    cookie = session_cookie(app)
    with _server("bench.application") as (origin, process), _server("bench.plain") as (plain, _):
        for _ in range(2):
            for _, route, bare, signed_in, _ in PAIRS:
                _load(origin + route, cookie if signed_in else "", 1)
                _load(_url(bare, origin, plain), "", 1)
        yield f"| memory per worker after warm-up | {_memory(process):.0f} MiB | <= 75 |"
        for name, route, bare, signed_in, target in PAIRS:
            measured, compared = _compare(origin + route, _url(bare, origin, plain), cookie if signed_in else "")
            yield _row(name, measured, compared, target)
    with _server("bench.application", threads=1) as (origin, _), _server("bench.plain", threads=1) as (plain, _):
        name, route, bare, _, _ = PAIRS[0]
        measured, compared = _compare(origin + route, _url(bare, origin, plain), cookie)
        yield _row(f"{name}, both with one thread in each worker", measured, compared, ">= 0.97")


def _row(name: str, measured: list[float], compared: list[float], target: str) -> str:
    ratio = median(one / other for one, other in zip(measured, compared, strict=True))
    return f"| {name} | {ratio:.2f} ({median(measured):.0f} against {median(compared):.0f} a second) | {target} |"


def _url(route: str, origin: str, plain: str) -> str:
    return plain + route.removeprefix(PLAIN) if route.startswith(PLAIN) else origin + route


def _compare(route: str, bare: str, cookie: str) -> tuple[list[float], list[float]]:
    measured, compared = [], []
    for _ in range(ROUNDS):
        measured.append(_load(route, cookie, SECONDS))
        compared.append(_load(bare, cookie, SECONDS))
    return measured, compared


def _load(url: str, cookie: str, seconds: int) -> float:
    """Return the requests per second of wrk. A client in Python would be slower than the server."""
    headers = ["-H", f"Cookie: {cookie}"] if cookie else []
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *headers, url]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    if found is None or "Non-2xx" in printed:
        sys.exit(f"genkan: {url} did not answer as expected\n{printed}")
    return float(found[1])


def require_wrk() -> None:
    """Exit if wrk is not installed."""
    if shutil.which("wrk") is None:
        sys.exit("genkan: wrk is missing. On Debian: apt install wrk")


@contextmanager
def _server(module: str, threads: int = serve.THREADS) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    settings = replace(environment.from_environment(os.environ), port=free_port())
    command = serve.granian_args(settings, f"{module}:create_app")
    command[command.index("--blocking-threads") + 1] = str(threads)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    origin = f"http://127.0.0.1:{settings.port}"
    try:
        _wait_until_up(origin)
        yield origin, process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait_until_up(origin: str) -> None:
    for _ in range(400):
        try:
            with urlopen(f"{origin}/json", timeout=1):  # noqa: S310 (the server of this benchmark)
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.05)
    sys.exit("genkan: the server did not start")


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _memory(process: subprocess.Popen[bytes]) -> float:
    """Return the RSS of the largest worker in MiB."""
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    sizes = [_rss(pid) for pid in workers]
    return max(sizes)


def _rss(pid: str) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
