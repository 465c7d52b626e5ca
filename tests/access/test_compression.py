"""Compression: pages are compressed, files and streams are sent unchanged."""

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


def stream() -> Iterator[bytes]:
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
        "stream": lambda: Response(stream()),
        "stream, length": lambda: Response(stream(), headers={"Content-Length": str(len(PAGE))}),
        "passed through": lambda: Response([PAGE], direct_passthrough=True),
        "bytes": lambda: Response(PAGE),
        "list": lambda: Response([PAGE[:50], PAGE[50:]]),
        "etag": with_etag,
        "encoded": lambda: Response(gzip.compress(PAGE), headers={"Content-Encoding": "gzip"}),
        "small": lambda: Response(PAGE[:999]),
        "text": lambda: Response(PAGE, content_type="text/plain"),
    }


UNCOMPRESSED = [
    "send_file",
    "send_from_directory",
    "wrapped",
    "wrapped, length",
    "stream",
    "stream, length",
    "passed through",
]


@pytest.fixture(name="browser")
def _browser(app: Flask, folder: Path) -> Browser:
    for name, view in views(folder).items():
        app.add_url_rule(f"/{name}", name, public(view))
    files = Blueprint("files", __name__, static_folder=folder, static_url_path="/static", url_prefix="/files")
    app.register_blueprint(files)
    browser = Browser(app)
    browser.sign_in()
    return browser


def body(response: TestResponse) -> bytes:
    return gzip.decompress(response.data) if "Content-Encoding" in response.headers else response.data


@pytest.mark.parametrize("path", [f"/{name}" for name in UNCOMPRESSED] + ["/files/static/report.html"])
def test_a_file_or_a_stream_is_sent_unchanged(browser: Browser, path: str) -> None:
    for headers in (GZIP, {}):
        response = browser.get(path, headers=headers)
        assert (response.status_code, response.data) == (200, PAGE)
        assert "Content-Encoding" not in response.headers
        assert response.headers.get("Content-Length", str(len(PAGE))) == str(len(PAGE))
        assert "Accept-Encoding" in response.headers["Vary"]
    assert browser.client.head(path, base_url=browser.origin, headers=GZIP).status_code == 200


@pytest.mark.parametrize("path", ["/send_file", "/send_from_directory", "/files/static/report.html", "/etag"])
def test_a_range_refers_to_the_uncompressed_file(browser: Browser, path: str) -> None:
    response = browser.get(path, headers={**GZIP, "Range": "bytes=10-2009"})

    assert (response.status_code, response.data) == (206, PAGE[10:2010])
    assert response.headers["Content-Range"] == f"bytes 10-2009/{len(PAGE)}"
    assert "Content-Encoding" not in response.headers
    assert browser.get(path, headers={**GZIP, "Range": "bytes=99999-"}).status_code == 416


@pytest.mark.parametrize(("name", "compressed"), [("bytes", True), ("list", True), ("small", False), ("text", False)])
def test_a_large_page_is_compressed(browser: Browser, name: str, compressed: bool) -> None:
    response = browser.get(f"/{name}", headers=GZIP)

    assert (response.headers.get("Content-Encoding") == "gzip") is compressed
    assert body(response) == (PAGE[:999] if name == "small" else PAGE)
    assert int(response.headers["Content-Length"]) == len(response.data)
    head = browser.client.head(f"/{name}", base_url=browser.origin, headers=GZIP)
    assert (head.data, head.headers["Content-Length"]) == (b"", response.headers["Content-Length"])


def test_a_compressed_body_is_not_compressed_again(browser: Browser) -> None:
    assert gzip.decompress(browser.get("/encoded", headers=GZIP).data) == PAGE


@pytest.mark.parametrize("path", ["/etag", "/static/css/app.css"])
def test_the_etag_of_a_compressed_body_is_weak_and_matches(browser: Browser, path: str) -> None:
    """RFC 9110 section 8.8.3: a strong validator identifies one sequence of bytes."""
    plain, packed = browser.get(path), browser.get(path, headers=GZIP)

    assert packed.headers["ETag"] == f"W/{plain.headers['ETag']}"
    assert "Accept-Ranges" not in packed.headers
    assert body(packed) == plain.data
    for etag in (plain.headers["ETag"], packed.headers["ETag"]):
        again = browser.get(path, headers={**GZIP, "If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")
    assert browser.get(path, headers={"If-None-Match": packed.headers["ETag"]}).status_code == 304


def test_a_static_file_supports_head_range_and_conditional_requests(browser: Browser) -> None:
    path = "/static/css/app.css"
    plain, packed = browser.get(path), browser.get(path, headers=GZIP)
    head = browser.client.head(path, base_url=browser.origin, headers=GZIP)
    part = browser.get(path, headers={**GZIP, "Range": "bytes=0-9"})
    again = browser.get(path, headers={**GZIP, "If-None-Match": packed.headers["ETag"]})

    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(packed.data)))
    assert (part.status_code, part.data) == (206, plain.data[:10])
    for response in (plain, packed, head, part, again):
        assert response.headers["Vary"] == "Accept-Encoding"
        assert response.headers["Cache-Control"] == "public, max-age=300"
        assert "Set-Cookie" not in response.headers
    assert again.headers["ETag"] == packed.headers["ETag"]


def test_a_large_static_file_is_not_compressed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genkan.web.static_files.MAX_SIZE", 1000)
    response = Browser(app).get("/static/css/app.css", headers=GZIP)

    assert response.status_code == 200
    assert "Content-Encoding" not in response.headers
