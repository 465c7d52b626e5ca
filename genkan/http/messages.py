"""The neutral envelope: what an action is asked, and what it answers; no framework in either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from genkan.types import JSON


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to set; an empty value with `max_age` 0 deletes it (same attributes, or browsers keep it)."""

    name: str
    value: str
    secure: bool
    max_age: int | None = None
    """Seconds; None writes no Max-Age."""
    expires: float | None = None
    """Seconds since 1970; None writes no Expires."""

    def to_header(self) -> str:
        """The Set-Cookie value, percent-encoded and ordered as Auth.js does it."""
        parts = [f"{self.name}={quote(self.value, safe=_COOKIE_SAFE)}"]
        if self.max_age is not None:
            parts.append(f"Max-Age={self.max_age}")
        parts.append("Path=/")
        if self.expires is not None:
            parts.append(f"Expires={formatdate(self.expires, usegmt=True)}")
        parts.append("HttpOnly")
        if self.secure:
            parts.append("Secure")
        parts.append("SameSite=Lax")
        return "; ".join(parts)


_COOKIE_SAFE = "!~*'()"
"""What encodeURIComponent leaves alone beyond letters, digits and `-_.` (quote keeps `~` anyway)."""


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """What arrived, already parsed and bounded."""

    method: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    cookie_header: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names, only those an action may look at (`genkan/flask/envelope.py` says which)."""
    remote_addr: str | None = None

    @property
    def csrf_token(self) -> object:
        """The double-submit token: from the body, as Auth.js has it, or from the header for HTMX (C1)."""
        return self.body.get("csrfToken", self.headers.get("x-csrf-token"))

    @property
    def is_htmx(self) -> bool:
        """HTMX sent it. That picks a representation and grants nothing (C10)."""
        return self.headers.get("hx-request") == "true"


@dataclass(frozen=True, slots=True)
class Template:
    """A template and what it is given."""

    name: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionResponse:
    """What to answer: a redirect, a page, or JSON; and the cookies that go with it."""

    status: int = 200
    location: str | None = None
    template: Template | None = None
    body: JSON = None
    cookies: tuple[Cookie, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
