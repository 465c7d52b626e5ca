"""Requests to a WSGI application in the same process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from werkzeug.wrappers import Request, Response

from genkan.oauth.transport.adapters import mount_adapters
from genkan.oauth.transport.limits import UnexpectedRedirect

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ORIGIN = "http://127.0.0.1:5000"


@Request.application
def echo(request: Request) -> Response:
    """Return the request as text, a redirect or a token, depending on the path."""
    if request.path.endswith("/moved"):
        return Response(status=302, headers={"Location": "http://127.0.0.1:5000/elsewhere"})
    if request.path.endswith("/token"):
        return Response(f'{{"access_token": "{request.form["code"]}"}}', mimetype="application/json")
    lines = [request.method, request.url, request.headers.get("X-Custom", ""), request.get_data(as_text=True)]
    return Response("\n".join(lines), status=201, headers={"Set-Cookie": "a=b", "X-Answer": "é"})


@pytest.fixture(name="session")
def _session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        mount_adapters(session, wsgi_apps={f"{ORIGIN}/development": echo})
        yield session


def test_the_application_gets_the_request_and_its_response_is_returned(session: requests.Session) -> None:
    url = f"{ORIGIN}/development/caf%C3%A9?a=1&b=%20"
    response = session.put(url, data="body", headers={"X-Custom": "yes"})

    assert response.status_code == 201
    assert response.text.splitlines() == ["PUT", f"{ORIGIN}/development/café?a=1&b=%20", "yes", "body"]
    assert response.headers["X-Answer"] == "é"
    assert response.url == url
    assert len(session.cookies) == 0


def test_a_form_is_sent_as_a_form(session: requests.Session) -> None:
    response = session.post(f"{ORIGIN}/development/token", data={"code": "a b&c"})

    assert response.json() == {"access_token": "a b&c"}


def test_authlib_exchanges_a_code_through_the_adapter() -> None:
    with OAuth2Session("id", "secret") as session:
        mount_adapters(session, wsgi_apps={f"{ORIGIN}/development/": echo})
        token = session.fetch_token(f"{ORIGIN}/development/token", code="c", grant_type="authorization_code")

    assert token["access_token"] == "c"


def test_a_redirect_is_refused(session: requests.Session) -> None:
    with pytest.raises(UnexpectedRedirect):
        session.get(f"{ORIGIN}/development/moved")


@pytest.mark.parametrize("url", ["http://127.0.0.1:50001/development/", "http://127.0.0.1:5000/developments"])
def test_urls_outside_the_prefix_use_the_network(session: requests.Session, url: str) -> None:
    assert type(session.get_adapter(url)).__name__ == "LimitedAdapter"


def test_the_response_is_closed_and_write_is_supported(session: requests.Session) -> None:
    body = ClosableBody()

    def application(_: WSGIEnvironment, start_response: StartResponse) -> ClosableBody:
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])(b"one ")
        return body

    mount_adapters(session, wsgi_apps={"http://127.0.0.1:6000": application})

    assert session.get("http://127.0.0.1:6000/").text == "one two"
    assert body.closed


class ClosableBody:
    """Response body that records whether it was closed."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"two"

    def close(self) -> None:
        self.closed = True


def test_an_exception_of_the_application_is_raised(session: requests.Session) -> None:
    def broken(_: WSGIEnvironment, __: StartResponse) -> list[bytes]:
        raise ZeroDivisionError

    mount_adapters(session, wsgi_apps={"http://127.0.0.1:6000": broken})

    with pytest.raises(ZeroDivisionError):
        session.get("http://127.0.0.1:6000/")
