"""Tests that the application has for itself."""

from __future__ import annotations

import pytest
from catalog import cache, db
from catalog.models import Book, User
from sqlalchemy import func, select


def readers() -> int:
    return db.session.scalar(select(func.count(User.id)))


def test_the_books_are_listed_by_title(client) -> None:
    page = client.get("/").text
    assert page.index("Dune") < page.index("Emma")
    assert "flDebug" in page


def test_the_list_is_a_cached_fragment(app, client) -> None:
    client.get("/")
    with app.app_context():
        db.session.add(Book(title="Ulysses"))
        db.session.commit()
    assert "Ulysses" not in client.get("/").text
    cache.clear()
    assert "Ulysses" in client.get("/").text


def test_a_cached_page_is_the_same_for_every_reader(app, client, ada) -> None:
    assert "We have 2 books." in ada.get("/about").text
    with app.app_context():
        db.session.add(Book(title="Ulysses"))
        db.session.commit()
    page = client.get("/about").text
    assert "We have 2 books." in page
    assert ">ada</a>" not in page


def test_a_reader_registers_and_logs_in(app, client) -> None:
    assert client.submit("/register", email="eve@example.com", password="x").headers["Location"] == "/login"
    assert client.submit("/login", email="eve@example.com", password="x").headers["Location"] == "/account"
    assert "Books for eve" in client.get("/account").text
    with app.app_context():
        assert readers() == 1


def test_an_address_is_taken_once(app, client, ada) -> None:
    assert "There is such a reader." in client.submit("/register", email="ada@example.com", password="x").text
    with app.app_context():
        assert readers() == 1


def test_a_wrong_password_is_refused(client, ada) -> None:
    assert "That is not right." in client.submit("/login", email="ada@example.com", password="x").text


def test_logging_out_needs_a_token(ada) -> None:
    assert ada.post("/logout").status_code == 400
    ada.submit("/logout", form_on="/")
    assert ada.get("/account").headers["Location"].startswith("/login")


def test_an_account_is_private(client) -> None:
    assert client.get("/account").headers["Location"] == "/login?next=%2Faccount"
    assert client.submit("/book/1/reserve", form_on="/book/1").headers["Location"].startswith("/login")


@pytest.mark.parametrize("path", ["/login", "/register", "/logout", "/book/1/reserve", "/book/1/hand-over"])
def test_a_form_without_token_is_refused_with_a_page(client, path: str) -> None:
    answer = client.post(path, data={"email": "a@example.com"})
    assert (answer.status_code, "Please try again: The CSRF token is missing." in answer.text) == (400, True)


def test_a_reservation(ada, client) -> None:
    assert ada.submit("/book/1/reserve", form_on="/book/1").headers["Location"] == "/account"
    assert "Emma" in ada.get("/account").text
    assert "This book is reserved." in client.get("/book/1").text
    assert ada.submit("/book/1/reserve", form_on="/book/2").status_code == 409


def test_a_script_reserves_with_a_header(ada) -> None:
    page = ada.get("/book/1").text
    token = page.split('"X-CSRFToken": "')[1].split('"')[0]
    answer = ada.post("/book/1/reserve", json={}, headers={"X-CSRFToken": token})
    assert answer.get_json() == {"reserved": 1}


def test_a_fragment_is_cached_for_each_reader(ada, make_reader) -> None:
    bob = make_reader("bob")
    ada.submit("/book/1/reserve", form_on="/book/1")
    assert "Emma" in ada.get("/account").text
    assert "Emma" not in bob.get("/account").text
    assert "Books for ada" in ada.get("/account").text


def test_a_reservation_is_handed_over(ada, make_reader) -> None:
    bob = make_reader("bob", email_confirmed=True)
    ada.submit("/book/1/reserve", form_on="/book/1")
    ada.submit("/book/1/hand-over", form_on="/account", email="bob@example.com")
    assert "Emma" in bob.get("/account").text
    assert "Emma" not in ada.get("/account").text


def test_nothing_is_handed_over_to_an_address_that_is_not_confirmed(ada, make_reader) -> None:
    bob = make_reader("bob")
    ada.submit("/book/1/reserve", form_on="/book/1")
    ada.submit("/book/1/hand-over", form_on="/account", email="bob@example.com")
    assert "There is no such reader." in ada.get("/account").text
    assert bob.submit("/book/1/hand-over", form_on="/", email="ada@example.com").status_code == 403


def test_the_return_machine_needs_no_token(client, ada) -> None:
    ada.submit("/book/1/reserve", form_on="/book/1")
    assert client.post("/hook/returned/1").status_code == 401
    assert client.post("/hook/returned/1", headers={"X-Machine": "change me"}).get_json() == {"returned": 1}
    assert "None" in ada.get("/account").text


def test_a_page_that_does_not_exist(client) -> None:
    answer = client.get("/nothing")
    assert (answer.status_code, "There is no such page." in answer.text) == (404, True)
    assert client.get("/book/9").status_code == 404


def test_answers_have_no_other_headers(client) -> None:
    assert {name for name, _ in client.get("/about").headers} <= {"Content-Type", "Content-Length", "Vary"}
    with client.get("/static/style.css") as file:
        assert "Content-Security-Policy" not in file.headers
