"""Production server, started by `make serve`: check the settings, migrate the database, and execute granian or gunicorn."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from tempfile import gettempdir
from typing import NoReturn

from flask import Flask

from app import create_app
from deploy.ports import require_free_port
from genkan.adapters.sqlalchemy import describe_error, migrations
from genkan.cli.group import leave_mails
from genkan.errors import AdapterError, ConfigurationError
from genkan.settings import environment
from genkan.settings.environment import Settings
from genkan.web.state import get_state

OPTIMIZE = 2
"""The level of -OO, which removes docstrings. That saves six MiB in every worker."""

APPLICATION = "deploy.application:create_app"
"""The factory that each worker calls."""

THREADS = 16
"""Threads of each worker. Eight sign-ins may wait for a provider in one worker. The others serve requests meanwhile."""

STOP_SECONDS = 15
"""A call to a provider ends after 10 seconds at the latest, so every response is complete within this time."""

MAX_HEAD = 128 * 1024
"""Bytes of the head of a request under granian. The longest session fills 70 kB of cookies."""

CONNECTIONS = 2048
"""Connections that a worker of granian holds, also those without a request. Otherwise all workers share 1024."""

MALLOC = {
    # All threads share two heaps instead of one heap each, which saves two MiB in every worker.
    "MALLOC_ARENA_MAX": "2",
    # The 19 MiB of the hash of a password go back to the system after it. Otherwise each heap keeps them.
    "MALLOC_MMAP_THRESHOLD_": str(4 * 1024 * 1024),
    # With a threshold that is set, glibc would give each free 128 kB back, and soon take them again.
    "MALLOC_TRIM_THRESHOLD_": str(2 * 1024 * 1024),
}
"""Settings of glibc's memory allocator for the workers."""

SHM_DIR = "/dev/shm"  # noqa: S108  # gunicorn deletes its file there right after opening it


def main() -> None:
    """Replace this process by the server, or exit with one sentence about what is missing."""
    if sys.flags.optimize < OPTIMIZE:
        # The check must run as the workers do: a library that reads docstrings would fail in each of them, and only there.
        os.execv(sys.executable, [sys.executable, "-OO", *sys.orig_argv[1:]])  # noqa: S606  # no shell is wanted
    # Only this account may read the database, its journals and other files that are written here.
    os.umask(0o077)
    os.environ["GENKAN_ENV"] = "production"
    os.chdir(environment.ROOT)
    # These flags would take precedence over ours, and some of them log query strings, which contain authorization codes.
    for name in [name for name in os.environ if name == "GUNICORN_CMD_ARGS" or name.startswith("GRANIAN_")]:
        del os.environ[name]
    for name, value in MALLOC.items():
        os.environ.setdefault(name, value)
    try:
        server_args = chosen_server(os.environ)
        settings = check_and_migrate()
    except ConfigurationError as error:
        exit_with_error(str(error), os.EX_CONFIG)
    except AdapterError as error:
        exit_with_error(describe_error(error), os.EX_UNAVAILABLE)
    for warning in settings.warnings:
        print(f"genkan: {warning}", file=sys.stderr)
    # granian writes its log to standard output. That of the application is on standard error.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.execv(sys.executable, server_args(settings))  # noqa: S606  # no shell is wanted


def chosen_server(environ: Mapping[str, str]) -> Callable[[Settings], list[str]]:
    """Return the function that makes the command line of GENKAN_SERVER. Raises ConfigurationError for another name."""
    try:
        return SERVERS[environ.get("GENKAN_SERVER") or "granian"]
    except KeyError:
        raise ConfigurationError("GENKAN_SERVER: there is no such server. Use granian or gunicorn.") from None


def check_and_migrate() -> Settings:
    """Return the settings after building the application once and migrating the database.

    Raises ConfigurationError, and AdapterError if the database cannot be reached.
    """
    settings = environment.from_environment(os.environ)
    if os.environ.get("SCRIPT_NAME"):
        raise ConfigurationError("SCRIPT_NAME: every address that is not below it would be 400. Remove it.")
    # Every worker builds its own application. This one is built to report errors before the workers start, and sends no mail.
    application = create_app()
    if isinstance(application, Flask):
        leave_mails(get_state(application).core)
    require_free_port(settings, "serve")
    migrations.upgrade(settings.database_url)
    return settings


def granian_args(settings: Settings, application: str = APPLICATION) -> list[str]:
    """Return the command line of granian, whose workers call the factory `application`. docs/server.md has the reasons."""
    return [
        *(sys.executable, "-OO", "-m", "granian", application, "--factory", "--interface", "wsgi"),
        *("--working-dir", str(environment.ROOT)),
        *("--host", settings.host, "--port", str(settings.port), "--http", "1", "--no-ws"),
        *("--workers", str(settings.workers), "--blocking-threads", str(THREADS)),
        # A worker that ends is replaced. One that ends twice within six seconds stops the server.
        "--respawn-failed-workers",
        *("--workers-kill-timeout", str(STOP_SECONDS)),
        *("--backlog", str(CONNECTIONS), "--backpressure", str(CONNECTIONS)),
        *("--http1-buffer-size", str(MAX_HEAD)),
        # Also the time until a kept connection is closed. A minute is the most that granian allows.
        *("--http1-header-read-timeout", "60000"),
        # No access log, because it may contain query strings, which contain authorization codes.
        *("--log-level", "info", "--no-access-log"),
    ]


def gunicorn_args(settings: Settings, application: str = APPLICATION) -> list[str]:
    """Return the command line of gunicorn, whose workers call the factory `application`. docs/server.md has the reasons."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return [
        *(sys.executable, "-OO", "-m", "gunicorn", f"{application}()"),
        # A module without settings, because gunicorn would look for a file otherwise and warns about an empty one.
        *("--config", "python:genkan"),
        *("--chdir", str(environment.ROOT)),
        *("--bind", f"{host}:{settings.port}"),
        *("--workers", str(settings.workers), "--worker-class", "gthread", "--threads", str(THREADS)),
        # The heartbeat of a worker must not wait for a disk.
        *("--worker-tmp-dir", SHM_DIR if os.access(SHM_DIR, os.W_OK) else gettempdir()),
        "--no-control-socket",
        # Enough for the cookie chunks of a session of 20 kB. A longer header is refused with 431.
        *("--limit-request-field_size", "32768"),
        *("--limit-request-line", "8190"),
        # Longer than the keep-alive of common proxies, which would otherwise send into a connection that is being closed.
        *("--keep-alive", "65"),
        *("--graceful-timeout", str(STOP_SECONDS)),
        *("--timeout", "60"),
        # gunicorn trusts no forwarded headers. The application applies TRUSTED_PROXY_HOPS.
        *("--forwarded-allow-ips", ""),
        # No access log, because it contains query strings, which contain authorization codes.
        *("--error-logfile", "-", "--log-level", "info"),
    ]


SERVERS: Mapping[str, Callable[[Settings], list[str]]] = {"granian": granian_args, "gunicorn": gunicorn_args}
"""The values of GENKAN_SERVER, each with the function that makes its command line."""


def exit_with_error(message: str, status: int) -> NoReturn:
    """Print the message and exit with the status."""
    print(f"genkan: {message}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
