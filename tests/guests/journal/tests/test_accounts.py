"""Registration, logging in, and confirming an address."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from journal.extensions import db
from journal.models import User


def users() -> list[User]:
    db.session.expire_all()
    return list(db.session.scalars(db.select(User)))


def register(client, **fields):
    form = {"name": "eve", "email": "eve@example.com", "password": "x", "repeated": "x", **fields}
    return client.submit("/auth/register", **form)


def test_a_writer_registers(client) -> None:
    assert register(client).headers["Location"] == "/auth/login"
    assert [(user.name, user.email_confirmed) for user in users()] == [("eve", False)]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": "ada"}, "This name is taken."),
        ({"email": "ada@example.com"}, "This address is taken."),
        ({"email": "nothing"}, "Not an address."),
        ({"repeated": "y"}, "equal to password"),
    ],
)
def test_a_wrong_registration_is_refused(client, ada, fields: dict[str, str], error: str) -> None:
    assert error in register(client, **fields).text
    assert len(users()) == 1


def test_a_link_confirms_the_address(app: Flask, client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    register(client)
    link = caplog.messages[-1].split(": ")[1]
    assert "is confirmed" in client.get(link, follow_redirects=True).text
    assert users()[0].email_confirmed


def test_a_changed_link_confirms_nothing(client) -> None:
    register(client)
    assert "not valid" in client.get("/auth/confirm/abc.def.ghi", follow_redirects=True).text
    assert not users()[0].email_confirmed


def test_logging_in_and_out(ada) -> None:
    assert ">ada</a>" in ada.get("/").text
    ada.get("/auth/logout")
    assert ">ada</a>" not in ada.get("/").text


def test_a_wrong_password_is_refused(ada) -> None:
    ada.get("/auth/logout")
    assert "Wrong name or password" in ada.submit("/auth/login", name="ada", password="wrong").text


def test_remember_me_is_a_cookie_of_its_own(ada) -> None:
    ada.get("/auth/logout")
    ada.submit("/auth/login", name="ada", password="secret", remember="y")
    ada.delete_cookie("session")
    assert ">ada</a>" in ada.get("/").text


@pytest.mark.parametrize(("target", "location"), [("/profile", "/profile"), ("//evil.example", "/")])
def test_logging_in_leads_back(ada, target: str, location: str) -> None:
    ada.get("/auth/logout")
    answer = ada.submit(f"/auth/login?next={target}", name="ada", password="secret")
    assert answer.headers["Location"] == location


def test_a_private_page_asks_for_the_password(client) -> None:
    assert client.get("/profile").headers["Location"] == "/auth/login?next=%2Fprofile"
