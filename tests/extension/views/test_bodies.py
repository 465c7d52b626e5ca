"""Streams, uploads, downloads and webhooks of the application."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from pathlib import Path

import pytest
from flask import Blueprint, Flask, Response, abort, request, send_file, stream_with_context

from genkan import Genkan, auth, csrf_exempt, login_required, public, require_session
from tests.extension.conftest import MakeGuest
from tests.extension.neighbours.conftest import NAME
from tests.extension.test_first_use import browser_of

HOOK_SECRET = b"a secret of the webhook"
GZIP = {"Accept-Encoding": "gzip"}


def add_streams(app: Flask) -> None:
    @app.get("/stream")
    @public
    def stream() -> Response:
        def parts() -> Iterator[str]:
            yield "Hello "
            session = auth()
            yield str(session.user.name if session else "stranger")

        return Response(stream_with_context(parts()), mimetype="text/html")

    @app.get("/events")
    @login_required
    def events() -> Response:
        name = require_session().user.name
        return Response((f"data: {number} {name}\n\n" for number in count()), mimetype="text/event-stream")

    @app.get("/report")
    @login_required
    def report() -> Response:
        return send_file(BytesIO(b"<p>report</p>" * 1000), mimetype="text/html", conditional=True, etag="r")


def test_a_generator_sees_the_user(make_guest: MakeGuest) -> None:
    app = make_guest()
    add_streams(app)
    browser = browser_of(app)
    assert browser.get("/stream", headers=GZIP).text == "Hello stranger"
    browser.sign_in()
    page = browser.get("/stream", headers=GZIP)
    assert (page.text, page.headers["Cache-Control"]) == (f"Hello {NAME}", "private, no-store")
    assert "Content-Encoding" not in page.headers


@pytest.mark.parametrize("strict", [False, True])
def test_a_stream_without_an_end_is_sent_piece_by_piece(make_guest: MakeGuest, strict: bool) -> None:
    app = make_guest(strict=strict)
    add_streams(app)
    browser = browser_of(app)
    assert browser.get("/events").status_code == 303
    browser.sign_in()
    response = browser.get("/events", headers=GZIP, buffered=False)
    pieces = response.iter_encoded()
    assert [next(pieces) for _ in range(2)] == [f"data: {number} {NAME}\n\n".encode() for number in (0, 1)]
    assert (response.is_streamed, "Content-Encoding" in response.headers) == (True, False)
    response.close()


@pytest.mark.parametrize("strict", [False, True])
def test_a_download_can_be_resumed(make_guest: MakeGuest, strict: bool) -> None:
    app = make_guest(strict=strict)
    add_streams(app)
    browser = browser_of(app)
    browser.sign_in()
    whole = browser.get("/report", headers=GZIP)
    assert (whole.status_code, len(whole.data), whole.headers["Cache-Control"]) == (200, 13_000, "private, no-store")
    part = browser.get("/report", headers={**GZIP, "Range": "bytes=3-8"})
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, b"report", "bytes 3-8/13000")
    assert browser.get("/report", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("strict", [False, True])
def test_an_upload_of_a_form_and_of_a_script(make_guest: MakeGuest, tmp_path: Path, strict: bool) -> None:
    app = make_guest(strict=strict)

    @app.post("/pictures")
    @login_required
    def add_picture() -> dict[str, object]:
        picture = request.files["picture"]
        picture.save(tmp_path / "picture")
        return {"name": picture.filename, "title": request.form["title"], "user": require_session().user.name}

    @app.put("/raw")
    @login_required
    def put_raw() -> str:
        return hashlib.sha256(request.stream.read()).hexdigest()

    browser = browser_of(app)
    browser.sign_in()
    token, content = browser.csrf_token(), bytes(range(256)) * 1000
    fields = {"csrfToken": token, "title": "Gate", "picture": (BytesIO(content), "gate.jpg")}
    assert browser.post("/pictures", data=fields).json == {"name": "gate.jpg", "title": "Gate", "user": NAME}
    assert (tmp_path / "picture").read_bytes() == content
    headers = {"X-CSRF-Token": token, "Content-Type": "application/octet-stream"}
    raw = browser.client.put("/raw", base_url=browser.origin, data=content, headers=headers)
    assert raw.text == hashlib.sha256(content).hexdigest()


def signed(body: bytes) -> dict[str, str]:
    """Return the headers of a payment service: another origin, no cookie, a signature of the body."""
    return {
        "X-Signature": hmac.new(HOOK_SECRET, body, "sha256").hexdigest(),
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": "https://pay.example",
        "Sec-Fetch-Site": "cross-site",
    }


@pytest.mark.parametrize("kind", ["default", "strict and csrf_exempt", "strict and exempt"])
def test_a_webhook_reads_the_body_that_was_signed(tmp_path: Path, kind: str) -> None:
    app, accounts = Flask("shop", root_path=str(tmp_path), instance_path=str(tmp_path / "instance")), Genkan()
    app.testing = True
    hooks = Blueprint("hooks", __name__)

    def paid() -> str:
        if not hmac.compare_digest(
            hmac.new(HOOK_SECRET, request.get_data(), "sha256").hexdigest(), request.headers["X-Signature"]
        ):
            abort(403)
        return f"paid {request.form['id']} {auth()}"

    hooks.add_url_rule("/paid", view_func=public(csrf_exempt(paid)) if "csrf" in kind else paid, methods=["POST"])
    if kind == "strict and exempt":
        accounts.exempt(hooks)
    app.register_blueprint(hooks)
    accounts.init_app(app, strict=kind != "default")
    browser = browser_of(app)
    browser.sign_in()
    assert browser.post("/paid", data=b"id=7", headers=signed(b"id=7")).text == "paid 7 None"
    assert browser.post("/paid", data=b"id=8", headers=signed(b"id=7")).status_code == 403
