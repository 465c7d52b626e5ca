"""Cookies as Auth.js writes them, and properties of a request."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest, ActionResponse


def test_a_cookie_has_path_httponly_and_samesite_lax() -> None:
    assert Cookie("a", "b", secure=False).to_header() == "a=b; Path=/; HttpOnly; SameSite=Lax"


def test_a_cookie_on_https_is_secure() -> None:
    assert Cookie("a", "b", secure=True).to_header() == "a=b; Path=/; HttpOnly; Secure; SameSite=Lax"


def test_attributes_have_the_same_order_as_in_auth_js() -> None:
    header = Cookie("a", "b", secure=True, max_age=900, expires=1_795_000_000.9).to_header()

    assert header == "a=b; Max-Age=900; Path=/; Expires=Wed, 18 Nov 2026 11:06:40 GMT; HttpOnly; Secure; SameSite=Lax"


def test_a_deletion_has_the_same_attributes_and_no_value() -> None:
    assert (
        Cookie("a", "", secure=True, max_age=0).to_header() == "a=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a|b", "a%7Cb"),
        ("-_.!~*'()", "-_.!~*'()"),
        ("https://app.example/?a=b&c#d", "https%3A%2F%2Fapp.example%2F%3Fa%3Db%26c%23d"),
        ("a; Domain=evil.example", "a%3B%20Domain%3Devil.example"),
        ("a\r\nSet-Cookie: b=c", "a%0D%0ASet-Cookie%3A%20b%3Dc"),
        ('"quoted"', "%22quoted%22"),
        ("é€😀", "%C3%A9%E2%82%AC%F0%9F%98%80"),
        ("100%", "100%25"),
    ],
)
def test_a_value_is_encoded_as_encode_uri_component_does(value: str, written: str) -> None:
    assert Cookie("a", value, secure=False).to_header().split("; ")[0] == f"a={written}"


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_value_adds_attributes(value: str) -> None:
    first, *attributes = Cookie("a", value, secure=False).to_header().split("; ")

    assert attributes == ["Path=/", "HttpOnly", "SameSite=Lax"]
    assert first.isascii()
    assert first.isprintable()
    assert unquote(first.removeprefix("a=")) == value


def test_the_csrf_token_is_read_from_the_body_first_then_from_the_header() -> None:
    header = {"x-csrf-token": "from the header"}

    assert ActionRequest("POST", body={"csrfToken": "from the body"}, headers=header).csrf_token == "from the body"
    assert ActionRequest("POST", headers=header).csrf_token == "from the header"
    assert ActionRequest("POST", query={"csrfToken": "from the query"}).csrf_token is None


def test_an_empty_token_in_the_body_is_not_replaced_by_the_header() -> None:
    assert ActionRequest("POST", body={"csrfToken": ""}, headers={"x-csrf-token": "x"}).csrf_token == ""


def test_htmx_requests_have_the_header_value_true() -> None:
    assert ActionRequest("GET", headers={"hx-request": "true"}).is_htmx
    assert not any(ActionRequest("GET", headers={"hx-request": value}).is_htmx for value in ("", "1", "false", "True"))


def test_an_empty_response_has_default_values() -> None:
    assert ActionResponse() == ActionResponse(200, location=None, template=None, body=None, cookies=(), headers={})
