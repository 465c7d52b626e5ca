"""Proxies: nginx with deploy/nginx.conf, nginx configured to cache as much as it can, and Varnish with its default
rules."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from genkan.settings.environment import ROOT
from tests.servers.process import Process, free_port, missing

# A single process, so that the kernel ends it with the tests. A response without an expiry is cached for a minute,
# whatever its status. That is the most that nginx can cache without ignoring the headers of a response.
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
        location {prefix}/ {{
            proxy_pass http://127.0.0.1:{backend}{path};
            {directives}
        }}
    }}
}}
"""

DOCUMENTED = """
daemon off;
master_process off;
pid pid;
error_log stderr notice;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {included}
}}
"""
"""What surrounds a file of conf.d."""

CACHE = """
            proxy_set_header Host $http_host;
            proxy_cache store;
            proxy_cache_valid any 1m;
            proxy_cache_revalidate on;
            add_header X-Cache-Status $upstream_cache_status always;
"""

CACHE_SET_COOKIE = "proxy_ignore_headers Set-Cookie;"
"""By default nginx caches no response with a Set-Cookie header. RFC 9111 section 7.3 lets a cache do so."""


@dataclass(frozen=True)
class CachingProxy:
    """Port of a running proxy, port of the server behind it, and whether it caches responses to requests with cookies."""

    port: int
    backend: int
    caches_cookie_requests: bool

    @property
    def origin(self) -> str:
        """Return the origin that clients use."""
        return f"http://127.0.0.1:{self.port}"


def is_cached(answer: requests.Response) -> bool:
    """Return True if the response came from the cache. X-Varnish then names two requests, this one and the first."""
    return (
        answer.headers.get("X-Cache-Status") in {"HIT", "STALE", "UPDATING", "REVALIDATED"}
        or len(answer.headers.get("X-Varnish", "").split()) == 2
    )


@contextmanager
def nginx(more: str = "") -> Iterator[CachingProxy]:
    """Run an nginx during the block. `more` are additional directives."""
    with plain_nginx(free_port(), CACHE + more) as proxy:
        yield proxy


@contextmanager
def plain_nginx(backend: int, directives: str = "", prefix: str = "") -> Iterator[CachingProxy]:
    """Run an nginx during the block whose `location` has `proxy_pass` to this port and these directives, and no others.

    It serves what is below `prefix`, and removes the prefix from the path of a request.
    """
    program = _find("nginx") or missing("nginx", "nginx-light")
    proxy = CachingProxy(free_port(), backend, caches_cookie_requests=True)
    with _folder() as folder:
        path = "/" if prefix else ""
        (folder / "nginx.conf").write_text(
            NGINX.format(port=proxy.port, backend=backend, directives=directives, prefix=prefix, path=path)
        )
        command = [program, "-p", f"{folder}/", "-e", "stderr", "-c", "nginx.conf"]
        # nginx listens when it logs this line. A single process does not react to SIGTERM before its first request,
        # and it has no data to lose, so it is killed.
        with _running(command, "getrlimit(RLIMIT_NOFILE)", signal.SIGKILL):
            yield proxy


@contextmanager
def documented_nginx(port: int, *backends: int) -> Iterator[None]:
    """Run an nginx with deploy/nginx.conf during the block, without TLS, in front of the servers on these ports."""
    program = _find("nginx") or missing("nginx", "nginx-light")
    with _folder() as folder:
        file = folder / "nginx.conf"
        file.write_text(DOCUMENTED.format(included=_documented(port, backends)))
        # nginx runs as another user, and the umask may keep that one from reading it.
        file.chmod(0o644)
        command = [program, "-p", f"{folder}/", "-e", "stderr", "-c", "nginx.conf"]
        with _running(command, "getrlimit(RLIMIT_NOFILE)", signal.SIGKILL):
            yield


def _documented(port: int, backends: Iterable[int]) -> str:
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    replaced = {
        "server 127.0.0.1:8000 max_fails=0;": " ".join(
            f"server 127.0.0.1:{backend} max_fails=0;" for backend in backends
        ),
        "/var/cache/nginx/genkan": "cache",
        "/var/log/nginx/access.log": "access.log",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port};",
        "Host $host;": f"Host $host:{port};",
        "ssl_certificate /etc/letsencrypt/live/app.example.com/fullchain.pem;": "",
        "ssl_certificate_key /etc/letsencrypt/live/app.example.com/privkey.pem;": "",
    }
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def varnish() -> Iterator[CachingProxy]:
    """Run a Varnish with its default rules during the block. It does not cache requests with cookies."""
    program = _find("varnishd") or missing("Varnish", "varnish")
    proxy = CachingProxy(free_port(), free_port(), caches_cookie_requests=False)
    with _folder() as folder:
        options = ["-a", f"127.0.0.1:{proxy.port}", "-b", f"127.0.0.1:{proxy.backend}", "-n", str(folder)]
        with _running(
            [program, "-F", "-j", "none", "-s", "malloc,16m", "-p", "vsl_space=1M", *options], "Child starts"
        ):
            yield proxy


@contextmanager
def nginx_caching_set_cookie() -> Iterator[CachingProxy]:
    """Run an nginx that also caches responses with a Set-Cookie header."""
    with nginx(CACHE_SET_COOKIE) as proxy:
        yield proxy


PROXIES: dict[str, Callable[[], AbstractContextManager[CachingProxy]]] = {
    "nginx": nginx,
    "nginx-caching-set-cookie": nginx_caching_set_cookie,
    "varnish": varnish,
}


@contextmanager
def _running(command: list[str], ready: str, signum: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    process = Process(command, ready, _as_nobody())
    try:
        process.start()
        yield
    finally:
        process.stop(signum)


@contextmanager
def _folder() -> Iterator[Path]:
    # Not one of pytest's folders: only their owner can enter them.
    folder = Path(tempfile.mkdtemp(prefix="genkan-proxy-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find(program: str) -> str | None:
    # Debian installs servers in folders that are only on root's PATH.
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")


def _as_nobody() -> list[str]:
    return ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
