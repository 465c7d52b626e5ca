"""Tests that the application has for itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask, g, session
from flask.testing import FlaskClient
from notes import create_app
from notes.db import get_db


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Flask:
    app = create_app({"TESTING": True, "DATABASE": str(tmp_path / "test.sqlite")})
    app.test_cli_runner().invoke(args=["init-db"])
    return app


@pytest.fixture(name="client")
def _client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(name="ada")
def _ada(client: FlaskClient) -> FlaskClient:
    for path in ("register", "login"):
        client.post(f"/auth/{path}", data={"name": "ada", "password": "secret"})
    return client


def test_the_front_page_is_open(client: FlaskClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert "Log in" in response.text
    assert "onclick" in response.text


def test_the_front_page_has_no_other_headers(client: FlaskClient) -> None:
    assert {name for name, _ in client.get("/").headers} == {"Content-Type", "Content-Length", "Vary"}


def test_json_is_open(ada: FlaskClient) -> None:
    ada.post("/create", data={"text": "milk"})
    assert [note["text"] for note in ada.get("/api/notes").get_json()] == ["milk"]


def test_a_user_registers_and_signs_in(ada: FlaskClient) -> None:
    with ada:
        assert "ada" in ada.get("/").text
        assert session["user_id"] == 1
        assert g.user["name"] == "ada"


@pytest.mark.parametrize(("name", "password"), [("", ""), ("ada", "")])
def test_registration_needs_name_and_password(client: FlaskClient, name: str, password: str) -> None:
    assert "are needed" in client.post("/auth/register", data={"name": name, "password": password}).text


def test_a_name_is_taken_once(ada: FlaskClient) -> None:
    assert "is taken" in ada.post("/auth/register", data={"name": "ada", "password": "x"}).text


def test_a_wrong_password_is_refused(ada: FlaskClient) -> None:
    ada.get("/auth/logout")
    assert "not right" in ada.post("/auth/login", data={"name": "ada", "password": "x"}).text


def test_signing_out_ends_the_cookie_session(ada: FlaskClient) -> None:
    with ada:
        ada.get("/auth/logout")
        assert "user_id" not in session


@pytest.mark.parametrize("path", ["/create", "/account", "/1/delete"])
def test_own_pages_lead_to_the_application_s_own_form(client: FlaskClient, path: str) -> None:
    response = client.post(path) if path != "/account" else client.get(path)
    assert response.headers["Location"] == "/auth/login"


def test_the_account_page_is_the_application_s_own(ada: FlaskClient) -> None:
    assert "<h1>ada</h1>" in ada.get("/account").text


def test_an_author_deletes_a_note(app: Flask, ada: FlaskClient) -> None:
    ada.post("/create", data={"text": "milk"})
    assert ada.post("/1/delete").headers["Location"] == "/"
    with app.app_context():
        assert get_db().execute("SELECT count(*) FROM note").fetchone()[0] == 0


def test_another_author_s_note_stays(app: Flask, ada: FlaskClient) -> None:
    ada.post("/create", data={"text": "milk"})
    with app.app_context():
        get_db().execute("UPDATE note SET author_id = 7")
        get_db().commit()
    assert ada.post("/1/delete").status_code == 403
    assert ada.post("/9/delete").status_code == 404


def test_an_empty_note_is_refused(ada: FlaskClient) -> None:
    assert "Write something" in ada.post("/create", data={"text": ""}).text


def test_the_connection_is_closed_after_a_request(app: Flask) -> None:
    with app.app_context():
        connection = get_db()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_an_unknown_page_is_404(client: FlaskClient) -> None:
    assert client.get("/nothing/here").status_code == 404
