"""The pages of the development provider behind real proxies and servers, and asked for from other addresses."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests

from genkan.settings.environment import ROOT
from tests.extension.test_first_use import EIGHT_LINES
from tests.servers.caching_proxy import plain_nginx
from tests.servers.process import Process, free_port, missing
from tests.servers.server import ServerClient, alone

PAGE = "/api/auth/development/authorize"
MAILBOX = "/genkan/account/mailbox"
SERVED, NOT_FOUND = 400, 404
"""Statuses of the page for a request without parameters."""

HTTP_1_1 = 'proxy_http_version 1.1; proxy_set_header Connection "";'
"""What nginx does by itself since version 1.29.7."""

SERVERS = {
    "flask": ("flask run --host 0.0.0.0 -p {port}", "Running on"),
    "gunicorn": ("gunicorn app:app -b 127.0.0.1:{port}", "Booting worker"),
    "granian": ("granian --interface wsgi app:app --port {port}", "Started worker"),
}
"""Module with its arguments, and the line of the log after which the server accepts connections."""

ADDRESSES = ("127.0.0.1", "172.17.0.1", "203.0.113.9")
"""Addresses of clients: this computer, the gateway of a container, and another computer."""

NAMESPACE = """
ip link set lo up
for address in 172.17.0.1 203.0.113.9; do ip address add $address/32 dev lo; done
exec "$0" "$@"
"""
"""Script that gives a network namespace the addresses and runs its arguments."""


@contextmanager
def serving(name: str, folder: Path, **settings: str) -> Iterator[int]:
    """Run the application of eight lines under a server during the block. Yield the port."""
    with running(name, folder, **settings) as (_, port):
        yield port


@contextmanager
def running(name: str, folder: Path, **settings: str) -> Iterator[tuple[Process, int]]:
    """Do the same, and yield the process with the port."""
    pytest.importorskip(name)
    (folder / "app.py").write_text(EIGHT_LINES)
    port, (command, ready) = free_port(), SERVERS[name]
    settings = {key: value.format(port=port) for key, value in settings.items()}
    arguments = ["-m", *command.format(port=port).split()]
    process = Process(alone(arguments, {"PYTHONPATH": str(ROOT), **settings}, folder), ready)
    process.start()
    try:
        _wait_until_connected(port)
        yield process, port
    finally:
        process.stop()


def _wait_until_connected(port: int) -> None:
    # Granian's worker listens a moment after its line in the log.
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    pytest.fail("no connection")


@pytest.fixture(scope="module", name="port")
def _port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of `flask run` with no setting at all."""
    with serving("flask", tmp_path_factory.mktemp("app")) as port:
        yield port


def status(port: int, host: str = "localhost", **headers: str) -> int:
    """Return the status of the page. The client has the header `Connection: keep-alive`, as a browser has."""
    with requests.Session() as client:
        client.trust_env = False
        return client.get(f"http://127.0.0.1:{port}{PAGE}", headers={"Host": host, **headers}, timeout=20).status_code


def providers(port: int) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{port}/api/auth/providers", timeout=20)


def test_the_browser_of_this_computer_signs_in(port: int) -> None:
    client = ServerClient(f"http://127.0.0.1:{port}")
    client.headers["Connection"] = "keep-alive"
    client.sign_in_as_hana()
    assert client.name() == "Hana Example"
    assert status(port) == status(port, host="127.0.0.1") == SERVED


@pytest.mark.parametrize(
    "directives",
    [
        "",
        HTTP_1_1,
        "proxy_http_version 1.1;",
        "proxy_set_header Host localhost;",
        f"{HTTP_1_1} proxy_set_header Host localhost;",
        f"{HTTP_1_1} proxy_set_header Host $http_host;",
        f"{HTTP_1_1} proxy_set_header X-Forwarded-For $remote_addr;",
    ],
)
@pytest.mark.parametrize("host", ["shop.example", "localhost"])
def test_nothing_is_served_through_nginx(port: int, directives: str, host: str) -> None:
    """Without a directive, nginx sends the host of its `proxy_pass`, which is a loopback address."""
    with plain_nginx(port, directives) as proxy:
        assert requests.get(proxy.origin, timeout=20).status_code == NOT_FOUND
        assert status(proxy.port, host=host) == NOT_FOUND


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "Forwarded", "Via"),
        *("X-Real-IP", "X-Client-IP", "X-Original-Host", "X-Original-URL", "True-Client-IP", "X-Cluster-Client-IP"),
        *("CF-Connecting-IP", "CF-Ray", "CDN-Loop", "Fastly-Client-IP", "Fly-Client-IP", "Tailscale-User-Login"),
        *("X-Envoy-External-Address", "X-Amzn-Trace-Id", "X-Azure-ClientIP", "X-ARR-LOG-ID"),
    ],
)
def test_nothing_is_served_through_a_tunnel(port: int, header: str) -> None:
    """A tunnel that rewrites Host is known by the headers that it adds."""
    assert status(port, **{header: "127.0.0.1"}) == NOT_FOUND


@pytest.mark.parametrize("connection", ["close", "", "upgrade"])
def test_nothing_is_served_without_the_header_of_a_browser(port: int, connection: str) -> None:
    assert status(port, Connection=connection) == NOT_FOUND


@pytest.mark.parametrize(
    "host", ["", "shop.example", "localhost.shop.example", "192.0.2.1", "[", "localhost@evil", "a b"]
)
def test_nothing_is_served_for_another_host(port: int, host: str) -> None:
    assert status(port, host=host) == NOT_FOUND


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [True, False, False]),
        ({"AUTH_DEVELOPMENT_PROVIDER": "on"}, [True, True, False]),
        ({"AUTH_DEVELOPMENT_PROVIDER": "off"}, [False, False, False]),
    ],
)
def test_another_address_is_served_if_it_is_private_and_that_is_wanted(
    tmp_path: Path, settings: dict[str, str], expected: list[bool]
) -> None:
    """The published port of a container: the browser asks for `localhost`, and the gateway connects."""
    if not shutil.which("unshare"):
        missing("unshare", "util-linux")
    arguments = [sys.executable, "-m", "tests.extension.test_development_gates", str(tmp_path), json.dumps(settings)]
    command = ["unshare", "--net", "--map-root-user", "sh", "-c", NAMESPACE, *arguments]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=90)
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout) == expected


@pytest.mark.parametrize("server", ["gunicorn", "granian"])
def test_a_production_server_has_no_development_provider(tmp_path: Path, server: str) -> None:
    settings = {"AUTH_URL": "http://127.0.0.1:{port}", "AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"}
    with serving(server, tmp_path, **settings) as port:
        assert providers(port).json() == {}
        assert status(port) == NOT_FOUND
    with serving(server, tmp_path, **settings, AUTH_DEVELOPMENT_PROVIDER="on") as port:
        assert providers(port).status_code == status(port) == 503


@pytest.mark.parametrize("server", ["gunicorn", "granian"])
def test_a_production_server_that_debugs_serves_this_computer_only(tmp_path: Path, server: str) -> None:
    with serving(server, tmp_path, FLASK_DEBUG="1") as port, plain_nginx(port, HTTP_1_1) as proxy:
        assert list(providers(port).json()) == ["development", "email"]
        assert requests.get(f"http://127.0.0.1:{port}{MAILBOX}", timeout=20).status_code == 200
        assert requests.get(f"http://127.0.0.1:{proxy.port}{MAILBOX}", timeout=20).status_code == 404
        assert status(port) == SERVED
        assert status(proxy.port) == status(port, host="shop.example") == NOT_FOUND


def ask_from_each_address(folder: Path, settings: dict[str, str]) -> list[bool]:
    """Return True for each of ADDRESSES that gets the page, each time from a server that has just started."""
    found = []
    for address in ADDRESSES:
        with serving("flask", folder, **settings) as port:
            client = HTTPConnection("127.0.0.1", port, timeout=20, source_address=(address, 0))
            client.request("GET", PAGE, headers={"Host": "localhost", "Connection": "keep-alive"})
            found.append(client.getresponse().status == SERVED)
            client.close()
    return found


if __name__ == "__main__":
    print(json.dumps(ask_from_each_address(Path(sys.argv[1]), json.loads(sys.argv[2]))))  # noqa: T201
