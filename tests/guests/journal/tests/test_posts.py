"""Posts, pages and JSON."""

from __future__ import annotations

import re

from flask import Flask
from flask_migrate import upgrade
from journal import create_app
from journal.extensions import db
from journal.models import Post, User
from sqlalchemy import inspect


def test_a_post_is_public(ada, client) -> None:
    assert ada.submit("/", text="It rained.").headers["Location"] == "/"
    assert "It rained." in client.get("/").text
    assert "It rained." in client.get("/writer/ada").text


def test_only_a_writer_can_post(client) -> None:
    assert client.post("/", data={"text": "x"}).status_code == 403


def test_a_post_without_token_is_not_taken(ada) -> None:
    assert ada.post("/", data={"text": "forged"}).status_code == 200
    assert db.session.scalar(db.select(Post)) is None


def test_a_writer_deletes_a_post(ada) -> None:
    ada.submit("/", text="It rained.")
    assert ada.post("/post/1/delete").status_code == 400
    ada.submit("/post/1/delete", form_on="/")
    assert db.session.scalar(db.select(Post)) is None


def test_another_writer_s_post_stays(ada) -> None:
    db.session.add(Post(text="Mine", author=User(name="bob", email="bob@example.com")))
    db.session.commit()
    assert ada.post("/post/1/delete").status_code == 403
    assert ada.post("/post/2/delete").status_code == 404


def test_pages_of_posts(ada) -> None:
    for number in range(6):
        ada.submit("/", text=f"Post {number}.")
    assert "Post 0." not in ada.get("/").text
    assert "Post 0." in ada.get("/?page=2").text


def test_the_profile_is_edited(ada) -> None:
    ada.submit("/profile", about="I write.")
    assert "I write." in ada.get("/writer/ada").text


def test_errors_are_pages_or_json(client) -> None:
    assert "<h1>Not Found</h1>" in client.get("/nothing").text
    assert client.get("/api/nothing").get_json() == {"error": "Not Found"}
    assert client.get("/auth/logout/").status_code == 404
    assert client.post("/api/posts").get_json() == {"error": "Unauthorized"}


def test_a_failure_is_a_page(app: Flask, client) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail(name: str) -> None:
        raise RuntimeError(name)

    app.view_functions["main.writer"] = fail
    answer = client.get("/writer/ada")
    assert (answer.status_code, "<h1>Internal Server Error</h1>" in answer.text) == (500, True)


def test_posts_as_json(ada) -> None:
    ada.submit("/", text="It rained.")
    assert ada.get("/api/posts").get_json() == [{"id": 1, "text": "It rained.", "author": "ada"}]
    assert ada.get("/api/me").get_json() == "ada"


def test_a_program_posts_with_a_token(ada, client) -> None:
    token = client.post("/api/token", auth=("ada", "secret")).get_json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.post("/api/posts", json={"text": "By a program."}, headers=headers).status_code == 201
    assert client.post("/api/posts", json={}, headers=headers).status_code == 400
    assert client.post("/api/token", auth=("ada", "wrong")).status_code == 401
    assert client.post("/api/posts", json={"text": "x"}, headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_page_is_not_changed_on_its_way(client) -> None:
    answer = client.get("/writer/nobody", headers={"Accept-Encoding": "gzip"})
    assert {name for name, _ in answer.headers} <= {"Content-Type", "Content-Length", "Vary"}
    with client.get("/static/journal.css") as file:
        assert file.headers["Cache-Control"] == "no-cache"
        assert "Set-Cookie" not in file.headers
    assert client.options("/").status_code == 200
    assert re.search("<title>Journal</title>", answer.text)


def test_the_migrations_create_the_tables(tmp_path) -> None:
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/migrated.sqlite"})
    with app.app_context():
        upgrade()
        assert {"user", "post", "alembic_version"} <= set(inspect(db.engine).get_table_names())
        db.engine.dispose()
