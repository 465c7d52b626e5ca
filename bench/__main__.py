"""Entry point of `make bench`. It prints a Markdown table of medians of interleaved rounds."""

from __future__ import annotations

import os
import platform
import secrets
import signal
import sys
import tempfile
from itertools import chain

from bench import in_process, records, served
from bench.application import create_app
from deploy import serve
from genkan.adapters.sqlalchemy import migrations


def main() -> None:
    """Measure the application in production mode, with a temporary database."""
    served.require_wrk()
    # SIGTERM must stop the server that the benchmark started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as folder:
        port = served.free_port()
        os.environ.update(
            serve.MALLOC,
            GENKAN_ENV="production",
            AUTH_SECRET=secrets.token_urlsafe(48),
            AUTH_URL=f"http://127.0.0.1:{port}",
            DATABASE_URL=f"sqlite:///{folder}/bench.db",
            PORT=str(port),
        )
        migrations.upgrade(os.environ["DATABASE_URL"])
        app = create_app()
        print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores\n")
        print("| figure | measured | target |\n| --- | --- | --- |")
        for row in chain(
            in_process.measure(app), served.measure(app), records.measure(app, os.environ["DATABASE_URL"])
        ):
            print(row, flush=True)


if __name__ == "__main__":
    main()
