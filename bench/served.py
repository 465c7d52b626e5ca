"""What asking costs under the production server: requests per second against bare twins, round by round."""

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
from pathlib import Path
from statistics import median
from urllib.error import URLError
from urllib.request import urlopen

from flask import Flask

import config
import serve
from bench.application import session_cookie

ROUNDS = 9
SECONDS = 2
CONNECTIONS = 8

PAIRS: tuple[tuple[str, str, str, bool, str], ...] = (
    ("`GET /api/auth/session`, signed in", "/api/auth/session", "/bare/json", True, ">= 0.90"),
    ("`GET /api/auth/session`, signed out", "/api/auth/session", "/bare/json", False, ""),
    ("the menu fragment, signed in", "/partials/user-menu", "/bare/menu", True, ""),
    ("the menu fragment, signed out", "/partials/user-menu", "/bare/menu-signed-out", False, ""),
    ("the dashboard, signed in", "/dashboard", "/bare/dashboard", True, ">= 0.91 (<= 1.10 times the cost)"),
)
"""Name, route that asks, its bare twin, whether somebody is signed in, target."""


def measure(app: Flask) -> Iterator[str]:
    """Rows of a Markdown table; starts the server and ends it."""
    cookie = session_cookie(app)
    with _server() as (origin, process):
        for _ in range(2):
            for _, route, bare, signed_in, _ in PAIRS:
                _load(origin + route, cookie if signed_in else "", 1)
                _load(origin + bare, "", 1)
        yield f"| memory per worker after warm-up | {_memory(process):.0f} MiB | <= 75 |"
        for name, route, bare, signed_in, target in PAIRS:
            asked, twin = _compare(origin + route, origin + bare, cookie if signed_in else "")
            ratio = median(one / other for one, other in zip(asked, twin, strict=True))
            yield f"| {name} | {ratio:.2f} of bare ({median(asked):.0f} against {median(twin):.0f} a second) | {target} |"


def _compare(route: str, bare: str, cookie: str) -> tuple[list[float], list[float]]:
    asked, twin = [], []
    for _ in range(ROUNDS):
        asked.append(_load(route, cookie, SECONDS))
        twin.append(_load(bare, cookie, SECONDS))
    return asked, twin


def _load(url: str, cookie: str, seconds: int) -> float:
    """Requests per second by wrk, which has to be there: a client in Python would be the slower half of the pair."""
    wrk = shutil.which("wrk") or sys.exit("genkan: wrk is missing. On Debian: apt install wrk")
    headers = ["-H", f"Cookie: {cookie}"] if cookie else []
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *headers, url]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    if found is None or "Non-2xx" in printed:
        sys.exit(f"genkan: {url} did not answer as expected\n{printed}")
    return float(found[1])


@contextmanager
def _server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    settings = config.load(os.environ)
    command = [
        "bench.application:create_app()" if part == "app:create_app()" else part for part in serve.server(settings)
    ]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    origin = f"http://127.0.0.1:{settings.port}"
    try:
        _wait_until_up(f"{origin}/health/live")
        yield origin, process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait_until_up(url: str) -> None:
    for _ in range(200):
        try:
            with urlopen(url, timeout=1):  # noqa: S310 (our own server)
                return
        except (URLError, OSError):
            time.sleep(0.05)
    sys.exit("genkan: the server did not start")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _memory(process: subprocess.Popen[bytes]) -> float:
    """Resident MiB of the largest worker."""
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    sizes = [_resident(pid) for pid in workers]
    return max(sizes)


def _resident(pid: str) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
