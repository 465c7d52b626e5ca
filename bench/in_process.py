"""Cost of `auth()` in one process, in microseconds above the same route without it."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any

from flask import Flask

from bench.application import CLAIMS, session_cookie

ROUNDS = 60
CALLS = 150

Figures = dict[str, list[float]]


def measure(app: Flask) -> Iterator[str]:
    """Yield rows of a Markdown table."""
    cookie = session_cookie(app)
    routes = {
        "bare": lambda: get(app, "/auth-calls/0", cookie),
        "bare, no cookie": lambda: get(app, "/auth-calls/0", ""),
        "token cached": lambda: get(app, "/auth-calls/1", cookie),
        "token not cached": lambda: _get_uncached(app, cookie),
        "no cookie": lambda: get(app, "/auth-calls/1", ""),
        "10 calls": lambda: get(app, "/auth-calls/10", cookie),
        "100 calls": lambda: get(app, "/auth-calls/100", cookie),
    }
    times = interleaved(routes)
    yield f"| a request without `auth()` | {median(times['bare']):.0f} µs | |"
    for name, base, target in (
        ("token cached", "bare", 10),
        ("token not cached", "bare", 110),
        ("no cookie", "bare, no cookie", 3),
    ):
        more = median(one - bare for one, bare in zip(times[name], times[base], strict=True))
        yield f"| `auth()`, {name} | {more:+.1f} µs | <= +{target} |"
    for name, most in (("10 calls", 1.05), ("100 calls", 1.4)):
        ratio = median(many / one for many, one in zip(times[name], times["token cached"], strict=True))
        yield f"| {name} of `auth()` against one | {ratio:.2f} | <= {most} |"
    yield from _tokens(app)


def _tokens(app: Flask) -> Iterator[str]:
    sealer = app.extensions["genkan"].core.sessions.sealer
    token = sealer.seal(CLAIMS, 3600)
    times = interleaved({"open": lambda: sealer.open(token), "seal": lambda: sealer.seal(CLAIMS, 3600)})
    yield f"| opening a token | {median(times['open']):.0f} µs | |"
    yield f"| sealing a token | {median(times['seal']):.0f} µs | |"


def interleaved(functions: Mapping[str, Callable[[], object]]) -> Figures:
    """Return the microseconds of each function by round. Interleaved rounds spread noise over all functions."""
    figures: Figures = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            started = time.perf_counter()
            for _ in range(CALLS):
                function()
            figures[name].append((time.perf_counter() - started) / CALLS * 1e6)
    return figures


def _get_uncached(app: Flask, cookie: str) -> None:
    app.extensions["genkan"].core.sessions.cache.clear()
    get(app, "/auth-calls/1", cookie)


def get(app: Flask, path: str, cookie: str) -> None:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "HTTP_HOST": "127.0.0.1:5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if cookie:
        environ["HTTP_COOKIE"] = cookie
    response: Any = app.wsgi_app(environ, _start_response)
    for _ in response:
        pass
    response.close()


def _start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
    if not status.startswith("200"):
        raise RuntimeError(status)
    return bytes
