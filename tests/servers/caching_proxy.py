"""Real caching proxies in front of a real server: nginx, told to keep whatever it may, and Varnish as it comes."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.servers.process import Process, free_port, missing

# One process, so that it ends with the tests whatever becomes of them. An answer that does not say how long it may be
# kept is kept for a minute, whatever its status: as much as nginx can be told without overruling what an answer says.
NGINX = """
daemon off;
master_process off;
pid pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    proxy_cache_path store keys_zone=store:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{backend};
            proxy_set_header Host $http_host;
            proxy_cache store;
            proxy_cache_valid any 1m;
            proxy_cache_revalidate on;
            {more}
            add_header X-Cache-Status $upstream_cache_status always;
        }}
    }}
}}
"""

TO_THE_LETTER = "proxy_ignore_headers Set-Cookie;"
"""nginx by itself keeps no answer with a cookie in it. A cache may (RFC 9111 section 7.3), so this one does."""


@dataclass(frozen=True)
class CachingProxy:
    """Where people find it, where it expects the server, and whether it keeps answers to requests with cookies."""

    port: int
    backend: int
    shares_among_people: bool

    @property
    def origin(self) -> str:
        """What people type."""
        return f"http://127.0.0.1:{self.port}"


def is_from_store(answer: requests.Response) -> bool:
    """Whether the proxy had it; False when the server was asked. Varnish then names two requests, this and the first."""
    return (
        answer.headers.get("X-Cache-Status") in {"HIT", "STALE", "UPDATING", "REVALIDATED"}
        or len(answer.headers.get("X-Varnish", "").split()) == 2
    )


@contextmanager
def nginx(more: str = "") -> Iterator[CachingProxy]:
    """An nginx for as long as the block lasts; `more` are directives beside those above."""
    program = _find("nginx") or missing("nginx", "nginx-light")
    proxy = CachingProxy(free_port(), free_port(), shares_among_people=True)
    with _folder() as folder:
        (folder / "nginx.conf").write_text(NGINX.format(port=proxy.port, backend=proxy.backend, more=more))
        command = [program, "-p", f"{folder}/", "-e", "stderr", "-c", "nginx.conf"]
        # Its last words before it begins to answer: it listens by then. Asked politely to end before the first
        # request, a single process never does; it has nothing to lose either.
        with _running(command, "getrlimit(RLIMIT_NOFILE)", signal.SIGKILL):
            yield proxy


@contextmanager
def varnish() -> Iterator[CachingProxy]:
    """A Varnish with the rules it brings along, for as long as the block lasts; it passes on what carries a cookie."""
    program = _find("varnishd") or missing("Varnish", "varnish")
    proxy = CachingProxy(free_port(), free_port(), shares_among_people=False)
    with _folder() as folder:
        where = ["-a", f"127.0.0.1:{proxy.port}", "-b", f"127.0.0.1:{proxy.backend}", "-n", str(folder)]
        with _running([program, "-F", "-j", "none", "-s", "malloc,16m", "-p", "vsl_space=1M", *where], "Child starts"):
            yield proxy


@contextmanager
def nginx_to_the_letter() -> Iterator[CachingProxy]:
    """An nginx that keeps cookies with the answers they came in, as the RFC lets it."""
    with nginx(TO_THE_LETTER) as proxy:
        yield proxy


PROXIES: dict[str, Callable[[], AbstractContextManager[CachingProxy]]] = {
    "nginx": nginx,
    "nginx-to-the-letter": nginx_to_the_letter,
    "varnish": varnish,
}


@contextmanager
def _running(command: list[str], ready: str, end: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    process = Process(command, ready, _as_nobody())
    try:
        process.start()
        yield
    finally:
        process.stop(end)


@contextmanager
def _folder() -> Iterator[Path]:
    # Not one of pytest's: into those nobody but their owner may go.
    folder = Path(tempfile.mkdtemp(prefix="genkan-proxy-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find(program: str) -> str | None:
    # Debian puts servers where only root's PATH leads.
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")


def _as_nobody() -> list[str]:
    return ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
