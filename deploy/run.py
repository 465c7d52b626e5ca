"""Development server, started by `make run`: create what a new clone lacks, then run Werkzeug's reloading server."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import traceback
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from dotenv import dotenv_values, load_dotenv
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, is_running_from_reloader, run_simple
from werkzeug.wrappers import Response

from deploy.ports import require_free_port
from genkan.adapters.sqlalchemy import describe_error, migrations
from genkan.errors import AdapterError, ConfigurationError
from genkan.settings import environment
from genkan.settings.environment import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ENV_FILE_HEADER = "# For `make run`, on this computer only. `make serve` never reads it.\n"

IMPORT_ERROR_RESPONSE = Response(
    "The application did not start. The terminal shows the error. Fix it and reload.\n", status=500
)


def main() -> None:
    """Run the server until Ctrl+C, or exit with one sentence about what is missing.

    The reloader runs this program twice. The first process prepares the environment and then watches the files. The
    second one serves requests and is replaced when a file changes.
    """
    os.umask(0o077)
    os.chdir(environment.ROOT)
    try:
        if is_running_from_reloader():
            run_server(environment.from_environment(os.environ), load_app())
        else:
            run_server(prepare(environment.ROOT / ".env"), IMPORT_ERROR_RESPONSE)
    except ConfigurationError as error:
        exit_with_error(str(error))
    except AdapterError as error:
        exit_with_error(describe_error(error))


def prepare(environment_file: Path) -> Settings:
    """Create a secret, migrate the database, check the port, and return the settings. The second process inherits them."""
    if not any(os.environ.get(name) for name in environment.SECRETS):
        write_env_file(environment_file)
    load_dotenv(environment_file)
    os.environ["GENKAN_ENV"] = "development"
    settings = environment.from_environment(os.environ)
    for warning in settings.warnings:
        print(f"genkan: {warning}", file=sys.stderr)
    require_free_port(settings, "run")
    migrations.upgrade(settings.database_url)
    return settings


def write_env_file(file: Path) -> None:
    """Add a secret to the development settings file if it has none. Only the owner can read the file.

    Existing lines are kept. Raises ConfigurationError if the file can't be read or written.
    """
    try:
        existing = file.read_text() if file.exists() else ""
        variables = dotenv_values(stream=StringIO(existing))
        if any(variables.get(name) for name in environment.SECRETS):
            return
        lines = [] if variables.get("GENKAN_ENV") else ["GENKAN_ENV=development"]
        lines += [f"AUTH_SECRET={secrets.token_urlsafe(48)}"]
        start = (existing.rstrip("\n") + "\n") if existing.strip() else ENV_FILE_HEADER
        _write_private_file(file.resolve(), start + "\n".join(lines) + "\n")
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            ".env: it can't be written. Let this account write in the project's folder, or set AUTH_SECRET yourself."
        ) from error


def _write_private_file(file: Path, text: str) -> None:
    # The file is replaced in one step, so an interruption leaves the old one. mkstemp creates files with mode 0600.
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".env.")
    try:
        with os.fdopen(descriptor, "w") as lines:
            lines.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_app() -> WSGIApplication:
    """Return the application, or IMPORT_ERROR_RESPONSE if importing or creating it fails.

    Raises ConfigurationError, because the reloader does not watch the environment.
    """
    try:
        # Imported here and by name, so that a syntax error in any file is shown and the reloader keeps waiting for a fix.
        app = cast("Flask", import_module("app").create_app())
    except ConfigurationError:
        raise
    except Exception:  # noqa: BLE001  # a half-finished edit can raise anything
        traceback.print_exc()
        return IMPORT_ERROR_RESPONSE
    app.jinja_env.auto_reload = True
    return app


def run_server(settings: Settings, application: WSGIApplication) -> None:
    """Serve requests and restart when a file changes. The debugger is off, because it executes code from requests."""
    if is_running_from_reloader():
        print(f"\n    Genkan is at  {settings.url}\n    Press Ctrl+C to stop it.\n", flush=True)
    run_simple(
        settings.host,
        settings.port,
        application,
        threaded=True,
        use_reloader=True,
        use_debugger=False,
        request_handler=RedactingRequestHandler,
    )


class RedactingRequestHandler(WSGIRequestHandler):
    """Request handler that logs no query strings, which contain authorization codes, and sends no version numbers."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log one line for a request."""
        self.path = self.path.partition("?")[0]
        super().log_request(code, size)

    def version_string(self) -> str:
        """Return the value of the `Server` header."""
        return "genkan"


def exit_with_error(message: str) -> NoReturn:
    """Print the message and exit with EX_CONFIG."""
    print(f"genkan: {message}", file=sys.stderr)
    sys.exit(os.EX_CONFIG)


if __name__ == "__main__":
    main()
