"""Random requests: any method, route, query, header and body, some with a valid session and a valid CSRF token."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

ROUTES = (
    "/api/auth/session", "/api/auth/csrf", "/api/auth/providers", "/api/auth/signin", "/api/auth/signin/{id}",
    "/api/auth/callback/{id}", "/api/auth/signout", "/api/auth/signout/return", "/api/auth/backchannel-logout/{id}",
    "/api/auth/error", "/api/auth/verify-request", "/api/auth/signed-in", "/api/auth/{id}",
    "/account", "/account/name", "/account/sessions/{id}/end", "/account/sessions/end-others",
    "/account/accounts/{id}/link", "/account/accounts/{id}/unlink", "/account/delete", "/account/{id}",
    "/api/user/profile", "/api/user/{id}", "/api/{id}", "/health/live", "/partials/user-menu",
)  # fmt: skip
METHODS = ("GET", "GET", "GET", "POST", "POST", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
FIELDS = (
    "csrfToken", "callbackUrl", "ticket", "name", "account", "code", "state", "iss", "error", "error_description",
    "logout_token", "purpose", "reason", "redirect", "json", "notice", "data", "session_fingerprint", "provider", "x[]",
)  # fmt: skip
VALUES = (
    "", "oidc", "/", "//evil.example", "https://evil.example/", "/dashboard", "javascript:alert(1)", "\x00", "\r\nX: y",
    "true", "fresh", "link", "AccessDenied", "OAuthCallbackError", "Verification", "eyJhbGciOiJub25lIn0..x", "../../etc",
    "é" * 40, "\U0001f600", "\ud800", "%", "%ff", "a" * 5000, "0", "-1", "1e999", "' OR 1=1 --", "{{7*7}}", "<script>",
)  # fmt: skip
CONTENT_TYPES = (
    b"application/x-www-form-urlencoded", b"application/json", b"multipart/form-data; boundary=x", b"text/plain",
    b"application/json; charset=utf-16", b"multipart/form-data", b"application/x-www-form-urlencoded; charset=rot13",
    b"\xff/\xfe", b"",
)  # fmt: skip
HEADERS = (
    "HX-Request", "HX-Current-URL", "Origin", "Referer", "Sec-Fetch-Site", "X-CSRF-Token", "X-Auth-Return-Redirect",
    "Accept", "Accept-Encoding", "Accept-Language", "User-Agent", "If-None-Match", "If-Modified-Since", "Range",
    "Authorization", "X-Forwarded-Proto", "X-Forwarded-Host", "Content-Encoding", "X-Request-Id", "Expect-CT",
)  # fmt: skip
KEPT_BYTES = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
"""Bytes that a header may contain. The server refuses others before the application sees them."""


@dataclass
class Request:
    """Request to send."""

    method: str
    path: bytes
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    body: bytes = b""
    has_session: bool = False
    """True if the unchanged session cookie is sent."""


class Generator:
    """Random requests from a seed. `token` and `pair` are a valid CSRF token and its cookie."""

    def __init__(self, seed: str, token: str, pair: str, cookie_name: str) -> None:
        self._dice = random.Random(seed)
        self._token, self._pair, self._cookie_name = token, pair, cookie_name

    def request(self, session: str, address: str) -> Request:
        """Return the next request. `session` is a valid session cookie, which a third of the requests send."""
        dice = self._dice
        request = Request(dice.choice(METHODS), self._path())
        request.headers = [("X-Forwarded-For", address.encode())]
        request.headers += [(name, self._header(name)) for name in dice.sample(HEADERS, dice.randint(0, 5))]
        kind = dice.choice(("valid", "changed", "none"))
        request.has_session = kind == "valid"
        request.headers.append(("Cookie", self._cookies(kind, session)))
        if request.method in {"POST", "PUT", "PATCH", "DELETE"}:
            content_type = dice.choice(CONTENT_TYPES[:3]) if dice.random() < 0.8 else dice.choice(CONTENT_TYPES)
            request.headers.append(("Content-Type", content_type))
            request.body = self._body(content_type)
        return request

    def _path(self) -> bytes:
        route = self._dice.choice(ROUTES)
        path = route.replace(
            "{id}", quote_plus(self._text(), errors="surrogatepass") if self._dice.random() < 0.5 else "oidc"
        )
        if self._dice.random() < 0.1:
            path += self._dice.choice(("/", "//", "/..", "/%2e%2e", "%00", "%ff", ";x=y", "/%F0%9F%98%80"))
        target = path.encode("ascii", "ignore")
        if self._dice.random() < 0.5:
            target += b"?" + self._form()
        return self._clean(target).replace(b" ", b"+")[:8000]

    def _text(self) -> str:
        dice = self._dice
        if dice.random() < 0.7:
            return dice.choice(VALUES)
        return "".join(
            chr(dice.choice((dice.randrange(128), dice.randrange(0x3000)))) for _ in range(dice.randrange(60))
        )

    def _fields(self) -> dict[str, str]:
        fields = {self._dice.choice(FIELDS): self._text() for _ in range(self._dice.randrange(6))}
        return fields | ({"csrfToken": self._token} if self._dice.random() < 0.7 else {})

    def _form(self) -> bytes:
        body = urlencode(self._fields(), errors="surrogatepass").encode()
        return self._damage(body) if self._dice.random() < 0.1 else body

    def _header(self, name: str) -> bytes:
        if name == "X-CSRF-Token" and self._dice.random() < 0.7:
            return self._token.encode()
        if name == "HX-Request":
            return b"true"
        if self._dice.random() < 0.3:
            return self._clean(self._dice.randbytes(self._dice.randrange(200)))
        return self._clean(self._text().encode("utf-8", "surrogatepass"))

    def _cookies(self, kind: str, session: str) -> bytes:
        dice, parts = self._dice, []
        if dice.random() < 0.8:
            parts.append(self._pair.encode() if dice.random() < 0.9 else self._damage(self._pair.encode()))
        if kind == "valid":
            parts.append(f"{self._cookie_name}={session}".encode())
        if kind == "changed":
            suffix = dice.choice(("", "", ".0", ".1", ".15", ".99"))
            parts.append(f"{self._cookie_name}{suffix}=".encode() + self._damage(session.encode()))
        if dice.random() < 0.3:
            parts.append(
                dice.choice((b"authjs.flow.x=", b"authjs.callback-url=", b"a=")) + dice.randbytes(dice.randrange(80))
            )
        dice.shuffle(parts)
        return self._clean(b"; ".join(parts))

    def _body(self, content_type: bytes) -> bytes:
        if self._dice.random() < 0.1:
            return self._dice.randbytes(self._dice.choice((0, 1, 100, 70_000)))
        builders: dict[bytes, Callable[[], bytes]] = {CONTENT_TYPES[1]: self._json, CONTENT_TYPES[2]: self._multipart}
        return builders.get(content_type, self._form)()

    def _json(self) -> bytes:
        document: Any = self._value(0)
        if self._dice.random() < 0.7:
            document = {**self._fields(), "data": document}
        body = json.dumps(document, ensure_ascii=self._dice.random() < 0.5).encode("utf-8", "surrogatepass")
        special = (self._damage(body), b"[" * 20_000, b'{"a":NaN,"data":1e400}', b"\xff\xfe{}", b'{"data":"\\ud800"}')
        return self._dice.choice(special) if self._dice.random() < 0.2 else body

    def _value(self, depth: int) -> Any:
        dice = self._dice
        scalars = (None, True, dice.randrange(-(2**70), 2**70), dice.random(), self._text())
        if depth > 3 or dice.random() < 0.5:
            return dice.choice(scalars)
        values = [self._value(depth + 1) for _ in range(dice.randrange(4))]
        return values if dice.random() < 0.5 else {dice.choice(FIELDS): value for value in values}

    def _multipart(self) -> bytes:
        parts = []
        for name, value in self._fields().items():
            head = f'--x\r\nContent-Disposition: form-data; name="{name}"'
            head += '; filename="f"' if self._dice.random() < 0.2 else ""
            parts.append(f"{head}\r\n\r\n{value}\r\n".encode("utf-8", "surrogatepass"))
        body = b"".join(parts) + b"--x--\r\n"
        return self._damage(body) if self._dice.random() < 0.2 else body

    def _damage(self, data: bytes) -> bytes:
        """Replace, insert and cut off bytes, so that at least one differs."""
        changed = bytearray(data or b"x")
        for _ in range(self._dice.randint(1, 4)):
            place = self._dice.randrange(len(changed))
            changed[place] = (changed[place] + self._dice.randint(1, 255)) % 256
        if self._dice.random() < 0.3:
            changed = changed[: self._dice.randrange(len(changed) + 1)]
        return bytes(changed)

    def _clean(self, value: bytes) -> bytes:
        return bytes(byte for byte in value if byte in KEPT_BYTES)
