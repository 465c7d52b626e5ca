"""Fixtures that an application's own tests use."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from genkan import testing

SignIn = Callable[..., FlaskClient]


@pytest.fixture(name="app")
def _app(guest: Flask) -> Flask:
    return guest


def test_a_client_is_signed_in_as_a_stored_user(signed_in: SignIn) -> None:
    client = signed_in(email="ada@example.com", name="Ada", role="admin")
    assert client.get("/admin").text == "admin"
    user = client.get("/private").get_json()["user"]
    assert (user["name"], user["email"], user["role"]) == ("Ada", "ada@example.com", "admin")


def test_the_same_address_is_the_same_user(app: Flask, signed_in: SignIn) -> None:
    one, other = (
        testing.sign_in(app, app.test_client(), email="ada@example.com", role=role) for role in ("user", "boss")
    )
    assert one.id == other.id
    assert other.role == "boss"


def test_a_session_can_be_ended_or_old(app: Flask, signed_in: SignIn) -> None:
    assert signed_in(ended=True).get("/private").status_code == 303
    assert signed_in(fresh=False).get("/genkan/account/delete").status_code == 303
    assert signed_in().get("/genkan/account/delete").status_code == 200


def test_the_htmx_client_gets_401(htmx_client: FlaskClient) -> None:
    response = htmx_client.get("/private")
    assert (response.status_code, response.headers["HX-Redirect"][:17]) == (401, "/api/auth/signin?")


def test_open_endpoints_are_named(assert_protected: Callable[..., None]) -> None:
    with pytest.raises(AssertionError, match="front, greeting, template"):
        assert_protected()
    assert_protected(public={"front", "greeting", "template"})
