"""Malformed request headers: the request counts as signed out and never causes a server error."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.access.test_hosts import PRODUCTION
from tests.conftest import ORIGIN, MakeApp

NAME = "authjs.session-token"
COOKIE, AUTHORIZATION = "HTTP_COOKIE", "HTTP_AUTHORIZATION"

# A WSGI server decodes header bytes as Latin-1.
MALFORMED: list[dict[str, str]] = [
    {AUTHORIZATION: "Bearer %"},
    {AUTHORIZATION: "Bearer %E0%A4%A"},
    {AUTHORIZATION: "Bearer"},
    {AUTHORIZATION: "Bearer \xff\xfe"},
    {AUTHORIZATION: "Basic ====", COOKIE: "a=b"},
    {AUTHORIZATION: "Digest username=\xff"},
    {COOKIE: ""},
    {COOKIE: ";"},
    {COOKIE: "=" * 5000},
    {COOKIE: ";" * 5000},
    {COOKIE: f"={NAME}"},
    {COOKIE: "=__Host-authjs.csrf-token=planted"},
    {COOKIE: f"=__Host-{NAME}=x; {NAME}"},
    {COOKIE: f"{NAME}"},
    {COOKIE: f"{NAME}="},
    {COOKIE: f"{NAME}==; {NAME}=;;"},
    {COOKIE: f"{NAME}=a; {NAME}=b; {NAME}=c"},
    {COOKIE: f"{NAME}=\xff\xfe\x80"},
    {COOKIE: f"{NAME}=%ff%fe%00"},
    {COOKIE: f"{NAME}=%u0041%"},
    {COOKIE: f'{NAME}="quoted'},
    {COOKIE: f'{NAME}="a\\377b"; $Version=1'},
    {COOKIE: f"{NAME}=\x00\x01\x1f"},
    {COOKIE: f"{NAME}=a\r\nSet-Cookie: b"},
    {COOKIE: f"{NAME}={'A' * 100_000}"},
    {COOKIE: f"{NAME}=.....; {NAME}.0=...."},
    {COOKIE: f"{NAME}=eyJlbmMiOltdLCJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA"},
    {COOKIE: f"{NAME}=eyJhbGciOiJkaXIiLCJlbmMiOnt9fQ..AAAA.AAAA.AAAA"},
    {COOKIE: f"{NAME}=eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjpbXX0..AAAA.AAAA.AAAA"},
    {COOKIE: f"{NAME}={'W1tb' * 10_000}..AAAA.AAAA.AAAA"},
    {COOKIE: f"{NAME}.0=a; {NAME}.2=c"},
    {COOKIE: f"{NAME}.99999999999999999999=a; {NAME}.-1=b"},
    {COOKIE: f"{NAME}.\xb2=a; {NAME}.\xd9\xa3=b; {NAME}.=c"},
    {COOKIE: "; ".join(f"{NAME}.{number}=x" for number in range(2000))},
    {COOKIE: "authjs.csrf-token=%7C; authjs.callback-url=%00"},
    {COOKIE: "authjs.csrf-token=\xff|\xff; authjs.callback-url=http://[::1"},
    {"HTTP_HX_CURRENT_URL": "http://[", "HTTP_HX_REQUEST": "true"},
    {"HTTP_REFERER": "\xff\xfe", "HTTP_ORIGIN": "null"},
    {"HTTP_ACCEPT_ENCODING": ";q=x,,", "HTTP_IF_NONE_MATCH": '"', "HTTP_RANGE": "bytes=9-1"},
    {"CONTENT_TYPE": "multipart/form-data; boundary=\xff", "CONTENT_LENGTH": "-1"},
]

QUERIES = ("%", "%ff", "a=%00", "callbackUrl=%ff%fe", "callbackUrl=http://[", "&&=&=", "error=%E0%A4%A")
PATHS = ("/", "/partials/user-menu", "/partials/session", "/api/auth/signin", "/nowhere", "/open")


def _request(app: Flask, path: str, headers: dict[str, str]) -> tuple[int, str]:
    environ = EnvironBuilder(path, ORIGIN).get_environ() | headers
    body, status, _ = run_wsgi_app(app.wsgi_app, environ)
    return int(status.split()[0]), b"".join(body).decode()


def test_a_malformed_header_is_a_signed_out_request(app: Flask) -> None:
    assert len(MALFORMED) >= 30
    for headers in MALFORMED:
        assert _request(app, "/api/auth/session", headers) == (200, "null"), headers
        assert _request(app, "/api/user/profile", headers)[0] == 401, headers
        assert _request(app, "/dashboard", headers)[0] in {303, 401}, headers
        for path in PATHS:
            assert _request(app, path, headers)[0] < 500, (path, headers)


def test_a_malformed_query_is_not_a_server_error(app: Flask) -> None:
    for query in QUERIES:
        for path in (*PATHS, "/api/auth/session", "/api/auth/error", "/api/auth/callback/x", "/development/authorize"):
            assert _request(app, path, {"QUERY_STRING": query})[0] < 500, (path, query)


@pytest.mark.parametrize("host", ["a..b", ".", "..", "a" * 64, "xn--", "[", "a b", "@", "\xff", ":", "a:b:c"])
@pytest.mark.parametrize("path", ["/", "/api/auth/session", "/static/css/app.css", "/nowhere", "/dashboard"])
@pytest.mark.parametrize("production", [False, True])
def test_a_malformed_host_is_not_a_server_error(make_app: MakeApp, host: str, path: str, production: bool) -> None:
    """RFC 9112 section 3.2: the status is 400 or a normal response, always with the security headers."""
    builder = EnvironBuilder(path=path)
    environ = {**builder.get_environ(), "HTTP_HOST": host}
    app = make_app(**(PRODUCTION if production else {}))
    _, status, headers = run_wsgi_app(app.wsgi_app, environ, buffered=True)
    assert int(status.split()[0]) < 500
    assert headers["X-Content-Type-Options"] == "nosniff"
