"""Production server, started by `make serve`: check the settings, migrate the database, and execute gunicorn."""

from __future__ import annotations

import os
import sys
from tempfile import gettempdir
from typing import NoReturn

from app import create_app
from deploy.ports import require_free_port
from genkan.adapters.sqlalchemy import describe_error, migrations
from genkan.errors import AdapterError, ConfigurationError
from genkan.settings import environment
from genkan.settings.environment import Settings

OPTIMIZE = 2
"""The level of -OO, which removes docstrings. That saves six MiB in every worker."""

SHM_DIR = "/dev/shm"  # noqa: S108  # gunicorn deletes its file there right after opening it


def main() -> None:
    """Replace this process by gunicorn, or exit with one sentence about what is missing."""
    if sys.flags.optimize < OPTIMIZE:
        # The check must run as the workers do: a library that reads docstrings would fail in each of them, and only there.
        os.execv(sys.executable, [sys.executable, "-OO", *sys.orig_argv[1:]])  # noqa: S606  # no shell is wanted
    # Only this account may read the database, its journals and other files that are written here.
    os.umask(0o077)
    os.environ["GENKAN_ENV"] = "production"
    os.chdir(environment.ROOT)
    # These flags would take precedence over ours, and one of them logs query strings, which contain authorization codes.
    os.environ.pop("GUNICORN_CMD_ARGS", None)
    # All threads share two heaps instead of one heap each, which saves two MiB in every worker.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    try:
        settings = check_and_migrate()
    except ConfigurationError as error:
        exit_with_error(str(error), os.EX_CONFIG)
    except AdapterError as error:
        exit_with_error(describe_error(error), os.EX_UNAVAILABLE)
    for warning in settings.warnings:
        print(f"genkan: {warning}", file=sys.stderr)
    os.execv(sys.executable, gunicorn_args(settings))  # noqa: S606  # no shell is wanted


def check_and_migrate() -> Settings:
    """Return the settings after building the application once and migrating the database.

    Raises ConfigurationError, and AdapterError if the database cannot be reached.
    """
    settings = environment.from_environment(os.environ)
    if os.environ.get("SCRIPT_NAME"):
        raise ConfigurationError("SCRIPT_NAME: every address that is not below it would be 400. Remove it.")
    # Every worker builds its own application. This one is built to report errors before the workers start.
    create_app()
    require_free_port(settings, "serve")
    migrations.upgrade(settings.database_url)
    return settings


def gunicorn_args(settings: Settings) -> list[str]:
    """Return the command line of gunicorn. docs/server.md has the reasons."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return [
        *(sys.executable, "-OO", "-m", "gunicorn", "app:create_app()"),
        # A module without settings, because gunicorn would look for a file otherwise and warns about an empty one.
        *("--config", "python:genkan"),
        *("--chdir", str(environment.ROOT)),
        *("--bind", f"{host}:{settings.port}"),
        *("--workers", str(settings.workers)),
        *("--worker-class", "deploy.worker.BufferingWorker"),
        # Eight sign-ins may wait for a provider in one worker. The other 24 threads serve requests meanwhile.
        *("--threads", "32"),
        # The heartbeat of a worker must not wait for a disk.
        *("--worker-tmp-dir", SHM_DIR if os.access(SHM_DIR, os.W_OK) else gettempdir()),
        "--no-control-socket",
        # Enough for the cookie chunks of a session of 20 kB. A longer header is refused with 431.
        *("--limit-request-field_size", "32768"),
        *("--limit-request-line", "8190"),
        # Longer than the keep-alive of common proxies, which would otherwise send into a connection that is being closed.
        *("--keep-alive", "65"),
        # A call to a provider ends after 10 seconds at the latest, so every response is complete within 15.
        *("--graceful-timeout", "15"),
        *("--timeout", "60"),
        # gunicorn trusts no forwarded headers. The application applies TRUSTED_PROXY_HOPS.
        *("--forwarded-allow-ips", ""),
        # No access log, because it contains query strings, which contain authorization codes.
        *("--error-logfile", "-", "--log-level", "info"),
    ]


def exit_with_error(message: str, status: int) -> NoReturn:
    """Print the message and exit with the status."""
    print(f"genkan: {message}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
