"""Development, as `make run` starts it: make what a fresh clone lacks, then Werkzeug's server, which reloads."""

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

IMPORT_ERROR_RESPONSE = Response("The app did not start; the terminal says why. Mend it and reload.\n", status=500)


def main() -> None:
    """Serves until Ctrl+C, or ends with one sentence that says what is missing.

    The server runs this program twice: the first process prepares and then only watches the files, the second
    answers, and a new one replaces it whenever a file changes.
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
    """The settings, once there is a secret, the newest schema and a free port; the second process inherits them."""
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
    """Sees to it that the file of settings for development has a secret; nobody else can ever read the file.

    What is in it stays. Raises ConfigurationError where it can't be read or written.
    """
    try:
        written = file.read_text() if file.exists() else ""
        known = dotenv_values(stream=StringIO(written))
        if any(known.get(name) for name in environment.SECRETS):
            return
        lines = [] if known.get("GENKAN_ENV") else ["GENKAN_ENV=development"]
        lines += [f"AUTH_SECRET={secrets.token_urlsafe(48)}"]
        before = (written.rstrip("\n") + "\n") if written.strip() else ENV_FILE_HEADER
        _write_privately(file.resolve(), before + "\n".join(lines) + "\n")
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            ".env: it can't be written. Let this account write in the project's folder, or set AUTH_SECRET yourself."
        ) from error


def _write_privately(file: Path, text: str) -> None:
    # Whole or not at all, also when the process is ended on the way. What mkstemp makes is its owner's alone.
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".env.")
    try:
        with os.fdopen(descriptor, "w") as lines:
            lines.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_app() -> WSGIApplication:
    """The app as its files stand now, or a page that says it is broken until a file changes again.

    Raises ConfigurationError, which no change of a file would mend.
    """
    try:
        # Imported here and by name, so that a slip of the pen in any file is shown and waited out.
        app = cast("Flask", import_module("app").create_app())
    except ConfigurationError:
        raise
    except Exception:  # noqa: BLE001  # whatever a half-finished edit raises, the server outlives it
        traceback.print_exc()
        return IMPORT_ERROR_RESPONSE
    app.jinja_env.auto_reload = True
    return app


def run_server(settings: Settings, application: WSGIApplication) -> None:
    """Answers, and starts anew when a file changes. Nothing of Werkzeug's debugger, which runs what it is sent."""
    if is_running_from_reloader():
        print(f"\n    Genkan is at  {settings.url}\n    Ctrl+C ends it.\n", flush=True)
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
    """Logs requests without their query, where authorization codes travel, and names no versions."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line for a request."""
        self.path = self.path.partition("?")[0]
        super().log_request(code, size)

    def version_string(self) -> str:
        """What the header `Server` says."""
        return "genkan"


def exit_with_error(sentence: str) -> NoReturn:
    """Ends the process."""
    print(f"genkan: {sentence}", file=sys.stderr)
    sys.exit(os.EX_CONFIG)


if __name__ == "__main__":
    main()
