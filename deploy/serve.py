"""Production, as `make serve` starts it: judge the settings, bring the database up to date once, become gunicorn."""

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

SHM_DIR = "/dev/shm"  # noqa: S108  # gunicorn unlinks its file there as soon as it has it


def main() -> None:
    """Does not return: this process becomes the server, or ends with one sentence that says what is missing."""
    # The database, its journals and whatever else is written here are for this account only.
    os.umask(0o077)
    os.environ["GENKAN_ENV"] = "production"
    os.chdir(environment.ROOT)
    # Its flags come before ours, and one of them would log the queries in which authorization codes travel.
    os.environ.pop("GUNICORN_CMD_ARGS", None)
    # Threads share two heaps instead of having one each, which is two MiB for every worker.
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
    """The settings, once the app has been built with them and the database has its newest schema.

    Raises ConfigurationError, and StoreError when the database cannot be reached.
    """
    settings = environment.from_environment(os.environ)
    # Thrown away, since every worker builds its own: here it tells what a worker could only die of.
    create_app()
    require_free_port(settings, "serve")
    migrations.upgrade(settings.database_url)
    return settings


def gunicorn_args(settings: Settings) -> list[str]:
    """gunicorn's command line. Everything that matters is said; docs/server.md says why it is gunicorn."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return [
        # Without docstrings, of which SQLAlchemy alone has megabytes, each worker is six MiB smaller.
        *(sys.executable, "-OO", "-m", "gunicorn", "app:create_app()"),
        # A module that sets nothing: gunicorn would look for a file of its own, and warns of an empty one.
        *("--config", "python:genkan"),
        *("--chdir", str(environment.ROOT)),
        *("--bind", f"{host}:{settings.port}"),
        *("--workers", str(settings.workers)),
        *("--worker-class", "deploy.worker.BufferingWorker"),
        # Eight sign-ins may wait for a provider in one worker, and three times as many others be served meanwhile.
        *("--threads", "32"),
        # A worker's sign of life must not wait for a disk.
        *("--worker-tmp-dir", SHM_DIR if os.access(SHM_DIR, os.W_OK) else gettempdir()),
        "--no-control-socket",
        # Auth.js's chunks of a session of 20 kB are still read; a longer header is refused with 431.
        *("--limit-request-field_size", "32768"),
        *("--limit-request-line", "8190"),
        # Longer than the proxies in use keep theirs: else they send into a connection that is just being closed.
        *("--keep-alive", "65"),
        # Every call to a provider is over in 10 seconds, so an answer under way is finished within 15.
        *("--graceful-timeout", "15"),
        *("--timeout", "60"),
        # Nobody's forwarded headers are believed here; TRUSTED_PROXY_HOPS is the app's business.
        *("--forwarded-allow-ips", ""),
        # The app's own lines tell of each request without its query, where authorization codes travel.
        *("--error-logfile", "-", "--log-level", "info"),
    ]


def exit_with_error(sentence: str, status: int) -> NoReturn:
    """Ends the process."""
    print(f"genkan: {sentence}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
