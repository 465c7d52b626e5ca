"""The check of the CSRF token reads no more than it needs, and takes bodies without a length."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from contextlib import closing
from threading import Thread
from typing import Any

import pytest
from flask import Blueprint, Flask, request
from werkzeug.serving import WSGIRequestHandler, make_server

from genkan import public
from tests.browser import Browser
from tests.conftest import ORIGIN

LARGE = 200_000


def upload() -> str:
    request.max_content_length = request.max_form_memory_size = 1_000_000
    request.max_form_parts = 5_000
    return f"{len(request.files)} {len(request.form)} {len(request.get_data())}"


@pytest.fixture(name="app")
def _app(app: Flask) -> Flask:
    app.add_url_rule("/upload", view_func=public(upload), methods=["POST", "PUT", "PATCH", "DELETE"])
    app.add_url_rule("/any", "any", public(lambda: request.form.get("a", "done")), methods=["POST"])
    return app


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ({"data": {"f": (io.BytesIO(b"x" * LARGE), "a.bin")}}, "1 0 0"),
        ({"data": {"a": "x" * LARGE}}, "0 1 0"),
        ({"data": {f"f{number}": "1" for number in range(2_000)}, "content_type": "multipart/form-data"}, "0 2000 0"),
        ({"data": b"x" * LARGE, "content_type": "application/octet-stream"}, f"0 0 {LARGE}"),
        ({"data": "[1]", "content_type": "application/json"}, "0 0 3"),
        ({"data": "{", "content_type": "application/json"}, "0 0 1"),
    ],
    ids=["file", "long field", "many fields", "bytes", "JSON array", "malformed JSON"],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_with_the_token_in_the_header_the_view_sets_its_own_limits(
    browser: Browser, method: str, arguments: dict[str, Any], result: str
) -> None:
    headers = {"X-CSRF-Token": browser.csrf_token()}
    data = arguments["data"]
    if isinstance(data, dict) and "f" in data:
        arguments = {"data": {"f": (io.BytesIO(b"x" * LARGE), "a.bin")}}
    response = browser.client.open("/upload", method=method, base_url=ORIGIN, headers=headers, **arguments)

    assert (response.status_code, response.text) == (200, result)


def test_a_wrong_token_in_the_header_is_refused_and_nothing_is_read(browser: Browser) -> None:
    fields = {"csrfToken": browser.csrf_token(), "a": "x" * LARGE}
    assert browser.post("/upload", data=fields, headers={"X-CSRF-Token": "wrong"}).status_code == 403


def test_a_form_with_the_token_in_a_field_needs_the_limit_before_its_view(app: Flask) -> None:
    uploads = Blueprint("uploads", __name__, url_prefix="/uploads")

    @uploads.url_value_preprocessor
    def set_limit(_endpoint: str | None, _values: dict[str, object] | None) -> None:
        request.max_content_length = 1_000_000

    uploads.add_url_rule("/", view_func=public(upload), methods=["POST"])
    app.register_blueprint(uploads)
    browser = Browser(app)
    for path, status in (("/upload", 413), ("/uploads/", 200)):
        fields = {"csrfToken": browser.csrf_token(), "f": (io.BytesIO(b"x" * LARGE), "a.bin")}
        assert browser.post(path, data=fields).status_code == status


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture(name="port")
def _port(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def send_chunks(port: int, path: str, cookie: str, *chunks: bytes) -> str:
    """Send a form in these chunks, and return the status and the rest of the response."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:5000\r\nCookie: authjs.csrf-token={cookie}\r\nConnection: close\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as client:
        client.sendall(head.encode() + b"".join(chunks))
        return b"".join(iter(lambda: client.recv(65536), b"")).decode().partition(" ")[2]


def chunk(data: str) -> bytes:
    return f"{len(data):x}\r\n{data}\r\n".encode()


def test_a_form_in_chunks_is_read(browser: Browser, port: int) -> None:
    """RFC 9112 7.1."""
    token = browser.csrf_token()
    cookie = browser.cookie("authjs.csrf-token") or ""
    cookie = cookie.replace("|", "%7C")
    form = f"csrfToken={token}&a=b"
    end = b"0\r\n\r\n"

    assert send_chunks(port, "/any", cookie, chunk(form), end).endswith("\r\n\r\nb")
    assert send_chunks(port, "/any", cookie, *map(chunk, form), end).endswith("\r\n\r\nb")
    signed_out = send_chunks(port, "/api/auth/signout", cookie, chunk(form), end)
    assert signed_out.startswith("303 ")
    started = send_chunks(port, "/api/auth/signin/development", cookie, chunk(form), end)
    assert started.startswith("303 ")
    assert f"{ORIGIN}/development/authorize" in started
    assert send_chunks(port, "/any", cookie, chunk("a=b"), end).startswith("403 ")
    assert send_chunks(port, "/any", cookie, chunk(form + "x" * 70_000), end).startswith("413 ")


@pytest.mark.parametrize("path", ["/any", "/api/auth/signout", "/api/auth/session", "/api/auth/backchannel-logout/x"])
@pytest.mark.parametrize("malformed", [b"zz\r\nab\r\n", b"5;\xff\r\nabc", b"-1\r\n", b"\r\n"])
def test_a_malformed_chunk_is_no_server_error(port: int, path: str, malformed: bytes) -> None:
    status = int(send_chunks(port, path, "a", malformed, b"0\r\n\r\n")[:3])
    assert 400 <= status < 500


def test_a_server_that_does_not_decode_chunks_asks_for_a_length(app: Flask) -> None:
    response = app.test_client().post("/any", base_url=ORIGIN, environ_overrides={"HTTP_TRANSFER_ENCODING": "chunked"})
    assert response.status_code == 411
