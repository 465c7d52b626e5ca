"""nginx with deploy/nginx.conf in front of several instances, without TLS and in a temporary folder."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.granian import START_TIMEOUT, answers
from bench.load.clients import require
from genkan.settings.environment import ROOT

CONFIGURATION = ROOT / "deploy" / "nginx.conf"

MAIN = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
access_log off;
client_body_temp_path {folder}/body;
proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi;
scgi_temp_path {folder}/scgi;
{site}
}}
"""

REPLACEMENTS = (
    (r"server 127\.0\.0\.1:8000[^;]*;", "{instances}"),
    (r"server \{\n\s*listen 80;.*?\n\}\n", ""),
    (r"listen 443 [^;]*;", "listen 127.0.0.1:{port};"),
    (r"ssl_certificate(_key)? [^;]*;", ""),
    (r"proxy_cache_path \S+", "proxy_cache_path {folder}/cache"),
    (r"access_log /\S+ genkan;", "access_log off;"),
    # The port of the benchmark is not that of a public site.
    (r"proxy_set_header Host \$host;", "proxy_set_header Host $http_host;"),
)
"""Patterns of deploy/nginx.conf, and what stands in their place."""


def configuration(port: int, instances: Sequence[int], folder: str) -> str:
    """Return the configuration. Exit if a pattern is not found in deploy/nginx.conf."""
    if not CONFIGURATION.exists():
        sys.exit("genkan: deploy/nginx.conf is missing")
    site = CONFIGURATION.read_text()
    servers = " ".join(f"server 127.0.0.1:{instance} max_fails=0;" for instance in instances)
    for pattern, template in REPLACEMENTS:
        new = template.replace("{instances}", servers).replace("{port}", str(port)).replace("{folder}", folder)
        site, count = re.subn(pattern, new.replace("\\", r"\\"), site, flags=re.DOTALL)
        if not count:
            sys.exit(f"genkan: deploy/nginx.conf has no {pattern}")
    return MAIN.format(folder=folder, site=site)


@contextmanager
def proxy(port: int, instances: Sequence[int]) -> Iterator[None]:
    """Run nginx in front of the instances."""
    require("nginx")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "nginx.conf")
        file.write_text(configuration(port, instances, folder))
        process = subprocess.Popen(["nginx", "-p", folder, "-c", str(file)], stderr=subprocess.DEVNULL)
        try:
            _wait_until_up(port, Path(folder, "error.log"))
            yield
        finally:
            process.terminate()
            process.wait(30)


def _wait_until_up(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not answers(port, "/health/live"):
        if time.monotonic() > deadline:
            sys.exit(f"genkan: nginx did not start\n{log.read_text() if log.exists() else ''}")
        time.sleep(0.05)
