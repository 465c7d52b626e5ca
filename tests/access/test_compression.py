"""Which bodies are compressed, and that a file or a stream is sent as it is."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Blueprint, Flask, Response, request, send_file, send_from_directory
from flask.typing import ResponseReturnValue
from werkzeug.test import TestResponse
from werkzeug.wsgi import wrap_file

from genkan import public
from tests.browser import Browser

PAGE = b"<!doctype html><title>Report</title>" + b"<p>line</p>" * 1000
GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "report.html").write_bytes(PAGE)
    return folder


def pieces() -> Iterator[bytes]:
    yield PAGE


def with_etag() -> ResponseReturnValue:
    response = Response(PAGE, headers={"Accept-Ranges": "bytes"})
    response.set_etag("version-1")
    return response.make_conditional(request, accept_ranges=True, complete_length=len(PAGE))


def views(folder: Path) -> dict[str, Callable[[], ResponseReturnValue]]:
    path = folder / "report.html"
    return {
        "send_file": lambda: send_file(path),
        "send_from_directory": lambda: send_from_directory(folder, "report.html"),
        "wrapped": lambda: Response(wrap_file(request.environ, path.open("rb")), direct_passthrough=True),
        "wrapped, length": lambda: Response(
            wrap_file(request.environ, path.open("rb")), headers={"Content-Length": str(len(PAGE))}
        ),
        "stream": lambda: Response(pieces()),
        "stream, length": lambda: Response(pieces(), headers={"Content-Length": str(len(PAGE))}),
        "passed through": lambda: Response([PAGE], direct_passthrough=True),
        "bytes": lambda: Response(PAGE),
        "list": lambda: Response([PAGE[:50], PAGE[50:]]),
        "etag": with_etag,
        "encoded": lambda: Response(gzip.compress(PAGE), headers={"Content-Encoding": "gzip"}),
        "small": lambda: Response(PAGE[:999]),
        "text": lambda: Response(PAGE, content_type="text/plain"),
    }


FILES = ["send_file", "send_from_directory", "wrapped", "wrapped, length", "stream", "stream, length", "passed through"]


@pytest.fixture(name="visitor")
def _visitor(app: Flask, folder: Path) -> Browser:
    for name, view in views(folder).items():
        app.add_url_rule(f"/{name}", name, public(view))
    files = Blueprint("files", __name__, static_folder=folder, static_url_path="/static", url_prefix="/files")
    app.register_blueprint(files)
    browser = Browser(app)
    browser.sign_in()
    return browser


def body(answer: TestResponse) -> bytes:
    return gzip.decompress(answer.data) if "Content-Encoding" in answer.headers else answer.data


@pytest.mark.parametrize("path", [f"/{name}" for name in FILES] + ["/files/static/report.html"])
def test_a_file_or_a_stream_is_sent_as_it_is(visitor: Browser, path: str) -> None:
    for headers in (GZIP, {}):
        answer = visitor.get(path, headers=headers)
        assert (answer.status_code, answer.data) == (200, PAGE)
        assert "Content-Encoding" not in answer.headers
        assert answer.headers.get("Content-Length", str(len(PAGE))) == str(len(PAGE))
        assert "Accept-Encoding" in answer.headers["Vary"]
    assert visitor.client.head(path, base_url=visitor.origin, headers=GZIP).status_code == 200


@pytest.mark.parametrize("path", ["/send_file", "/send_from_directory", "/files/static/report.html", "/etag"])
def test_a_range_is_of_the_file_itself(visitor: Browser, path: str) -> None:
    answer = visitor.get(path, headers={**GZIP, "Range": "bytes=10-2009"})

    assert (answer.status_code, answer.data) == (206, PAGE[10:2010])
    assert answer.headers["Content-Range"] == f"bytes 10-2009/{len(PAGE)}"
    assert "Content-Encoding" not in answer.headers
    assert visitor.get(path, headers={**GZIP, "Range": "bytes=99999-"}).status_code == 416


@pytest.mark.parametrize(("name", "compressed"), [("bytes", True), ("list", True), ("small", False), ("text", False)])
def test_a_page_is_compressed_where_it_is_worth_it(visitor: Browser, name: str, compressed: bool) -> None:
    answer = visitor.get(f"/{name}", headers=GZIP)

    assert (answer.headers.get("Content-Encoding") == "gzip") is compressed
    assert body(answer) == (PAGE[:999] if name == "small" else PAGE)
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    head = visitor.client.head(f"/{name}", base_url=visitor.origin, headers=GZIP)
    assert (head.data, head.headers["Content-Length"]) == (b"", answer.headers["Content-Length"])


def test_a_body_that_is_compressed_already_is_not_compressed_again(visitor: Browser) -> None:
    assert gzip.decompress(visitor.get("/encoded", headers=GZIP).data) == PAGE


@pytest.mark.parametrize("path", ["/etag", "/static/css/app.css"])
def test_the_etag_of_a_compressed_body_is_weak_and_still_recognised(visitor: Browser, path: str) -> None:
    """RFC 9110 8.8.3: a strong one stands for the same bytes."""
    plain, packed = visitor.get(path), visitor.get(path, headers=GZIP)

    assert packed.headers["ETag"] == f"W/{plain.headers['ETag']}"
    assert "Accept-Ranges" not in packed.headers
    assert body(packed) == plain.data
    for etag in (plain.headers["ETag"], packed.headers["ETag"]):
        again = visitor.get(path, headers={**GZIP, "If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")
    assert visitor.get(path, headers={"If-None-Match": packed.headers["ETag"]}).status_code == 304


def test_a_static_file_answers_head_range_and_condition(visitor: Browser) -> None:
    path = "/static/css/app.css"
    plain, packed = visitor.get(path), visitor.get(path, headers=GZIP)
    head = visitor.client.head(path, base_url=visitor.origin, headers=GZIP)
    part = visitor.get(path, headers={**GZIP, "Range": "bytes=0-9"})
    again = visitor.get(path, headers={**GZIP, "If-None-Match": packed.headers["ETag"]})

    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(packed.data)))
    assert (part.status_code, part.data) == (206, plain.data[:10])
    for answer in (plain, packed, head, part, again):
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert "Set-Cookie" not in answer.headers
    assert again.headers["ETag"] == packed.headers["ETag"]


def test_a_large_static_file_is_sent_as_it_is(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genkan.web.static_files.MAX_SIZE", 1000)
    answer = Browser(app).get("/static/css/app.css", headers=GZIP)

    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers
