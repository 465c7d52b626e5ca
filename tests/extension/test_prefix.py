"""An application below a prefix: the path of AUTH_URL is in every URL of ours, whatever path a request arrives with."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Thread
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import Client, TestResponse

from genkan import check
from genkan.core import Pages
from genkan.errors import ConfigurationError
from genkan.web.state import get_state
from tests.access.test_prefix import LINK
from tests.browser import HTMX, Browser
from tests.extension.conftest import MakeGuest
from tests.provider_client import provider_env
from tests.servers.caching_proxy import plain_nginx
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.process import free_port

HOST = "http://localhost"
LOCAL = {"REMOTE_ADDR": "127.0.0.1"}
SECRET = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"
PRODUCTION = {"SECRET_KEY": SECRET, "GENKAN_ENV": "production"}
HOST_HEADER = "proxy_set_header Host $http_host;"
FORWARDED = "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Prefix /shop;"

Serve = Callable[[MakeGuest, dict[str, str]], AbstractContextManager[str]]


class PrefixedBrowser(Browser):
    """Browser that asks for paths below /shop."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.dispatcher = Client(DispatcherMiddleware(NotFound(), {"/shop": app}))

    def _open(self, method: str, path: str, **request: Any) -> TestResponse:
        path = path.removeprefix(self.origin)
        path = path if path.startswith("/shop") else f"/shop{path}"
        return self.dispatcher.open(path, method=method, base_url=self.origin, environ_base=LOCAL, **request)

    def get(self, path: str, **request: Any) -> TestResponse:
        """Send GET to a path or a URL, with or without the prefix."""
        return self._open("GET", path, **request)

    def post(self, path: str, **request: Any) -> TestResponse:
        """Send POST to a path or a URL, with or without the prefix."""
        return self._open("POST", path, **request)


@pytest.fixture(name="prefixed", params=["AUTH_URL", "the request", "APPLICATION_ROOT"])
def _prefixed(make_guest: MakeGuest, request: pytest.FixtureRequest) -> PrefixedBrowser:
    """Return the browser of an application that DispatcherMiddleware serves below /shop. Without AUTH_URL it is found."""
    settings = {} if request.param == "the request" else {"AUTH_URL": f"{HOST}/shop"}
    app = make_guest({"APPLICATION_ROOT": "/shop"} if request.param == "APPLICATION_ROOT" else {}, **settings)
    Client(DispatcherMiddleware(NotFound(), {"/shop": app})).get("/shop/api/auth/csrf", base_url=HOST)
    return PrefixedBrowser(app)


def test_a_user_signs_in_and_out_below_the_prefix(prefixed: PrefixedBrowser) -> None:
    refused = prefixed.get("/private")
    assert refused.headers["Location"] == "/shop/api/auth/signin?callbackUrl=%2Fshop%2Fprivate"
    started = prefixed.begin_sign_in("/shop/private").headers["Location"]
    assert started.startswith(f"{HOST}/shop/api/auth/development/authorize?")
    completed = prefixed.get(prefixed.choose(started))
    assert completed.headers["Location"] == f"{HOST}/shop/private"
    assert prefixed.get("/greeting").text == "Hello Hana Example"
    assert prefixed.sign_out().headers["Location"] == f"{HOST}/shop/private"
    assert prefixed.get("/greeting").text == "Hello stranger"


def test_the_default_callback_url_is_the_front_page_below_the_prefix(prefixed: PrefixedBrowser) -> None:
    started = prefixed.submit("/api/auth/signin/development").headers["Location"]
    assert prefixed.get(prefixed.choose(started)).headers["Location"] == f"{HOST}/shop/"
    elsewhere = prefixed.submit("/api/auth/signout", callbackUrl="https://evil.example/").headers["Location"]
    assert elsewhere == f"{HOST}/shop/"


def test_the_absolute_urls_have_the_prefix(prefixed: PrefixedBrowser) -> None:
    provider = prefixed.get("/api/auth/providers").get_json()["development"]
    assert provider["signinUrl"] == f"{HOST}/shop/api/auth/signin/development"
    assert provider["callbackUrl"] == f"{HOST}/shop/api/auth/callback/development"
    core = prefixed.core
    assert core.provider_logout.post_logout_redirect_uri == f"{HOST}/shop/api/auth/signout/return"
    failed = prefixed.get("/api/auth/callback/development?state=unknown").headers["Location"]
    assert failed.startswith(f"{HOST}/shop/api/auth/error?")


def test_every_page_links_below_the_prefix(prefixed: PrefixedBrowser) -> None:
    prefixed.sign_in(callback_url="/shop/")
    assert prefixed.get("/genkan/account").status_code == 200
    _check_links(lambda path: prefixed.get(path).text)


def _check_links(page: Callable[[str], str]) -> None:
    for path in (
        "/genkan/account",
        "/genkan/account/delete",
        "/genkan/menu",
        "/api/auth/signin",
        "/api/auth/signout",
        "/api/auth/error",
    ):
        links = LINK.findall(page(path))
        assert links
        assert [link for link in links if not link.startswith(("/shop/", "http"))] == []


@contextmanager
def _serving(app: object, port: int) -> Iterator[None]:
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_QuietHandler)  # type: ignore[arg-type]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def _dispatcher(make_guest: MakeGuest, settings: dict[str, str]) -> Iterator[str]:
    port = free_port()
    app = make_guest(AUTH_URL=f"http://127.0.0.1:{port}/shop", **settings)
    with _serving(DispatcherMiddleware(NotFound(), {"/shop": app}), port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _proxy(make_guest: MakeGuest, settings: dict[str, str], directives: str = "") -> Iterator[str]:
    with plain_nginx(free_port(), HOST_HEADER + directives, "/shop") as proxy:
        # The slash and the path of the actions at the end are how Auth.js's documentation writes it.
        app = make_guest(AUTH_URL=f"{proxy.origin}/shop/api/auth/", **settings)
        with _serving(app, proxy.backend):
            yield proxy.origin


@contextmanager
def _forwarding_proxy(make_guest: MakeGuest, settings: dict[str, str]) -> Iterator[str]:
    with _proxy(make_guest, {**settings, "GENKAN_TRUSTED_PROXY_HOPS": "1"}, FORWARDED) as origin:
        yield origin


@pytest.fixture(name="op")
def _op() -> Iterator[FaultyProvider]:
    with FaultyProvider() as op:
        yield op


@pytest.mark.parametrize("serve", [_dispatcher, _proxy, _forwarding_proxy])
def test_a_sign_in_over_http_below_the_prefix(make_guest: MakeGuest, op: FaultyProvider, serve: Serve) -> None:
    """By DispatcherMiddleware, and behind an nginx that removes the prefix, with and without X-Forwarded-Prefix."""
    with serve(make_guest, provider_env(op)) as origin, requests.Session() as client:
        op.redirect_uris = {f"{origin}/shop/api/auth/callback/oidc"}

        def get(path: str, **options: Any) -> requests.Response:
            url = path if path.startswith("http") else f"{origin}/shop{path}"
            return client.get(url, allow_redirects=False, timeout=10, **options)

        def submit(path: str, **fields: str) -> str:
            data = {"csrfToken": get("/api/auth/csrf").json()["csrfToken"], **fields}
            response = client.post(f"{origin}/shop{path}", data, allow_redirects=False, timeout=10)
            return response.headers["Location"]

        assert get("/private").headers["Location"] == "/shop/api/auth/signin?callbackUrl=%2Fshop%2Fprivate"
        started = submit("/api/auth/signin/oidc", callbackUrl="/shop/private")
        assert get(op.authorize(started, {"name": "Ada"})).headers["Location"] == f"{origin}/shop/private"
        assert get("/private").json()["user"]["name"] == "Ada"
        fragment = get("/genkan/menu", headers=HTMX).text
        assert re.search(r'hx-get="([^"]+)"', fragment)[1] == "/shop/genkan/menu"  # type: ignore[index]
        _check_links(lambda path: get(path).text)
        style = re.search(r'href="([^"]+/css/account.css[^"]*)"', get("/genkan/account").text)[1]  # type: ignore[index]
        assert get(origin + style).status_code == 200
        assert submit("/genkan/account/name", name="Grace") == "/shop/genkan/account?notice=renamed"
        assert submit("/api/auth/signout", callbackUrl="/shop/") == f"{origin}/shop/"
        assert get("/greeting").text == "Hello stranger"


def test_paths_of_the_application_s_own_pages_are_below_the_prefix(make_guest: MakeGuest) -> None:
    pages = Pages(sign_in="/enter", sign_out="/leave", error="/failed", verify_request="/sent")
    client = make_guest(AUTH_URL=f"{HOST}/shop", pages=pages).test_client()
    for action, page in (("signin", "enter"), ("signout", "leave"), ("error", "failed"), ("verify-request", "sent")):
        location = client.get(f"/api/auth/{action}", base_url=f"{HOST}/shop").headers["Location"]
        assert location.partition("?")[0] == f"{HOST}/shop/{page}"


def test_a_strict_application_redirects_below_the_prefix(make_guest: MakeGuest) -> None:
    app = make_guest(strict=True, AUTH_URL=f"{HOST}/shop")
    app.add_url_rule("/folder/", "folder", lambda: "folder")
    for base_url in (f"{HOST}/shop", HOST):
        client = app.test_client()
        assert client.get("/folder", base_url=base_url).headers["Location"] == f"{HOST}/shop/folder/"
        moved = client.get("/folder/?a=1", base_url=base_url.replace("localhost", "127.0.0.1"))
        assert moved.headers["Location"] == f"{HOST}/shop/folder/?a=1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com", ""),
        ("https://example.com/", ""),
        ("https://example.com/api/auth", ""),
        ("https://example.com/shop", "/shop"),
        ("https://example.com/shop/", "/shop"),
        ("https://example.com/a/b/api/auth/", "/a/b"),
        ("https://example.com/api", "/api"),
    ],
)
def test_the_prefix_is_the_path_of_auth_url_without_the_base_path(
    make_guest: MakeGuest, url: str, expected: str
) -> None:
    core = get_state(make_guest(PRODUCTION, testing=False, AUTH_URL=url)).core
    assert (core.origin, core.prefix) == ("https://example.com", expected)


@pytest.mark.parametrize("path", ["/a//b", "/../a", "/a%20b", "/a;b", "//shop"])
def test_a_path_that_is_no_prefix_is_refused(make_guest: MakeGuest, path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_URL: its path is malformed\. Write it as"):
        check(make_guest(PRODUCTION, testing=False, AUTH_URL=f"https://example.com{path}"))


def test_a_prefix_that_auth_url_lacks_is_reported(make_guest: MakeGuest, caplog: pytest.LogCaptureFixture) -> None:
    app = make_guest(AUTH_URL=HOST)
    with caplog.at_level(logging.WARNING, "genkan"):
        assert app.test_client().get("/api/auth/session", base_url=f"{HOST}/shop").status_code == 200
    assert "AUTH_URL: it lacks the path" in caplog.text
