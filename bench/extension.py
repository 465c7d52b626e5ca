"""Cost of the extension for an application that has Flask and SQLAlchemy: `python -m bench.extension`.

It prints a Markdown table: the time of an import, the memory of a process, and the time of a request that does not ask
`auth()`. Every figure is a median of rounds in which an application with and one without the extension take turns.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from statistics import median

from flask import Flask

from bench.in_process import get, interleaved
from genkan import Genkan
from genkan.adapters.sqlalchemy import migrations

SETTINGS = {
    "AUTH_URL": "http://localhost",
    "AUTH_SECRET": secrets.token_urlsafe(48),
    "AUTH_OIDC_ID": "bench",
    "AUTH_OIDC_SECRET": "bench",
    "AUTH_OIDC_ISSUER": "http://127.0.0.1:9",
}

PROCESSES = 15
"""Processes with the extension, and as many without."""

PROCESS = """
import gc, json, sys, time
from pathlib import Path

import flask, sqlalchemy, sqlalchemy.orm

def memory():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) / 256

figures, extended = {}, sys.argv[1] == "with"
started = time.process_time()
if extended:
    import genkan
figures["time"] = (time.process_time() - started) * 1000
figures["import"] = memory()

app = flask.Flask("shop", root_path=sys.argv[2])
app.add_url_rule("/", "front", lambda: flask.render_template_string("<p>{{ request.path }}</p>"))
if extended:
    genkan.Genkan(app)
with sqlalchemy.create_engine("sqlite://").connect() as connection:
    connection.execute(sqlalchemy.text("SELECT 1"))
app.test_client().get("/")
figures["request"] = memory()
client = app.test_client()
if extended:
    assert client.get("/api/auth/session").json is None
figures["auth"] = memory()
if extended:
    token = client.get("/api/auth/csrf").json["csrfToken"]
    refused = client.post("/api/auth/signin/oidc", data={"csrfToken": token})
    assert "unavailable" in refused.location, refused.location
figures["sign-in"] = memory()
print(json.dumps(figures))
"""
"""A program that prints milliseconds and mebibytes, with the settings of production.

The first request asks for no session, the second one does. The sign-in ends at a provider that does not respond.
"""

ROWS = (
    ("import", "memory after the import", "<= +20"),
    ("request", "memory after a request that does not ask `auth()`", ""),
    ("auth", "memory after a request that asks", ""),
    ("sign-in", "memory after a sign-in that called a provider", ""),
)


def main() -> None:
    """Print the table."""
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| figure | measured | target |\n| --- | --- | --- |")
    for row in (*_processes(), *_requests()):
        print(row, flush=True)


def _processes() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        migrations.upgrade(f"sqlite:///{folder}/genkan.db")
        # The first process of each kind writes the byte code, which an installed package has already.
        rounds = [{kind: _run(kind, folder) for kind in ("with", "without")} for _ in range(PROCESSES + 1)][1:]
    yield f"| processor time of `import genkan` | +{median(one['with']['time'] for one in rounds):.0f} ms | <= +80 |"
    for name, label, target in ROWS:
        more = median(one["with"][name] - one["without"][name] for one in rounds)
        yield f"| {label} | {more:+.1f} MiB | {target} |"


def _run(kind: str, folder: str) -> dict[str, float]:
    environ = {**os.environ, **SETTINGS, "GENKAN_DATABASE_URL": f"sqlite:///{folder}/genkan.db"}
    environ["PYTHONPYCACHEPREFIX"] = f"{folder}/byte-code"
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", PROCESS, kind, folder]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _requests() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        plain, extended = _application(folder), _application(folder)
        Genkan(extended)
        cookie = "authjs.session-token=a.b.c.d.e"
        times = interleaved(
            {
                "plain": lambda: get(plain, "/", ""),
                "extended": lambda: get(extended, "/", ""),
                "plain, cookie": lambda: get(plain, "/", cookie),
                "extended, cookie": lambda: get(extended, "/", cookie),
            }
        )
    yield f"| a request of a plain application | {median(times['plain']):.0f} µs | |"
    for suffix, label in (("", ""), (", cookie", ", with a session cookie")):
        pairs = zip(times[f"extended{suffix}"], times[f"plain{suffix}"], strict=True)
        more = median(one - base for one, base in pairs)
        yield f"| the same with the extension, not asking `auth()`{label} | {more:+.1f} µs | |"


def _application(root_path: str) -> Flask:
    app = Flask("shop", root_path=root_path)
    app.testing = True
    app.add_url_rule("/", "front", lambda: "shop")
    return app


if __name__ == "__main__":
    main()
