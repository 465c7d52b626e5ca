"""Tests that the application has for itself."""

from __future__ import annotations

import pytest
from board.auth import find_confirmed
from board.db import User, get_session

HTMX = {"HX-Request": "true", "HX-Target": "messages"}


def test_the_board_is_open_to_read(client) -> None:
    page = client.get("/").text
    assert "No topics." in page
    assert '<body hx-boost="true">' in page
    assert page.count("Welcome") == 1


def test_a_member_registers(ada) -> None:
    assert "Welcome, ada" in ada.get("/").text


@pytest.mark.parametrize("name", ["ada", ""])
def test_a_name_is_taken_once(ada, client, name: str) -> None:
    answer = client.post("/register", data={"name": name, "password": "x"}, follow_redirects=True)
    assert "Choose another name." in answer.text


def test_logging_out_and_in(ada) -> None:
    ada.get("/logout")
    assert "Welcome, ada" not in ada.get("/").text
    ada.post("/login", data={"name": "ada", "password": "secret"})
    assert "Welcome, ada" in ada.get("/").text


def test_logging_in_with_an_address_needs_a_confirmed_one(app, ada, client) -> None:
    form = {"name": "ada@example.com", "password": "secret"}
    assert "wrong password" in client.post("/login", data=form).text
    with app.app_context():
        get_session().get(User, "ada").email_confirmed = True
        get_session().commit()
        assert find_confirmed("ada@example.com").id == "ada"
    assert client.post("/login", data=form).headers["Location"] == "/"


def test_a_wrong_password_is_refused(ada) -> None:
    assert "wrong password" in ada.post("/login", data={"name": "ada", "password": "x"}).text


def test_a_topic_begins(ada, client) -> None:
    assert ada.post("/topics", data={"subject": "Soup"}).headers["Location"] == "/topics/1"
    assert "Soup" in client.get("/").text
    assert client.get("/topics.json").get_json() == [{"subject": "Soup", "author": "ada"}]


def test_a_topic_needs_a_member_and_a_subject(ada, client) -> None:
    assert client.post("/topics", data={"subject": "Soup"}).headers["Location"] == "/login"
    assert ada.post("/topics", data={"subject": ""}).status_code == 400


def test_a_reply_is_a_fragment_for_htmx(ada) -> None:
    ada.post("/topics", data={"subject": "Soup"})
    fragment = ada.post("/topics/1", data={"text": "With salt"}, headers=HTMX).text
    assert fragment.startswith("<blockquote>With salt")
    assert ada.post("/topics/1", data={"text": "And pepper"}).headers["Location"] == "/topics/1"
    assert "And pepper" in ada.get("/topics/1").text


def test_a_search_finds_topics(ada) -> None:
    for subject in ("Soup", "Bread"):
        ada.post("/topics", data={"subject": subject})
    page = ada.get("/?q=rea").text
    assert "Bread" in page
    assert "Soup" not in page


def test_only_the_author_deletes_a_topic_and_is_asked_first(ada, client) -> None:
    ada.post("/topics", data={"subject": "Soup"})
    assert "onclick=\"return confirm('Delete this topic?')\"" in ada.get("/topics/1").text
    assert "confirm" not in client.get("/topics/1").text
    assert client.post("/topics/1/delete").headers["Location"] == "/login"
    client.post("/register", data={"name": "bob", "password": "x"})
    assert client.post("/topics/1/delete").status_code == 403
    assert ada.post("/topics/1/delete").headers["Location"] == "/"
    assert ada.get("/topics/1").status_code == 404


def test_files_of_blueprints_are_open_and_kept_by_browsers(ada) -> None:
    for path in ("/theme/theme.css", "/topics/static/topics.js"):
        with ada.get(path) as file:
            assert (file.status_code, file.headers["Cache-Control"]) == (200, "no-cache")
            assert "X-Duration" in file.headers


def test_a_closed_board_refuses_everything_but_its_theme(app, client) -> None:
    app.config["CLOSED"] = True
    assert client.get("/").status_code == 503
    with client.get("/theme/theme.css") as file:
        assert file.status_code == 200


def test_answers_have_no_other_headers(client) -> None:
    names = {name for name, _ in client.get("/topics.json").headers}
    assert names <= {"Content-Type", "Content-Length", "X-Duration", "Vary"}


def test_a_page_that_does_not_exist(client) -> None:
    answer = client.get("/nothing")
    assert (answer.status_code, "Nothing here" in answer.text) == (404, True)
    assert client.options("/").status_code == 200
    assert client.get("/login/").status_code == 404
