"""Request and response of an action, without a framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genkan.errors import AuthError
from genkan.http.cookies import Cookie, RequestCookies
from genkan.types import JSON


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """A request, parsed and bounded."""

    method: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    cookies: RequestCookies = field(default_factory=RequestCookies)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names. Only the headers that actions may read (`ALLOWED_HEADERS` in web/convert.py)."""
    remote_addr: str | None = None
    """The client's IP address. None if the server does not know it."""

    @property
    def csrf_token(self) -> object:
        """The submitted CSRF token: `csrfToken` in the body, as in Auth.js, or the X-CSRF-Token header. None if absent."""
        return self.body.get("csrfToken", self.headers.get("x-csrf-token"))

    def text(self, name: str) -> str:
        """Return the text of this field of the body. Empty if it is absent or no text."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""

    @property
    def is_htmx(self) -> bool:
        """True if htmx sent the request. This selects a representation and grants nothing."""
        return self.headers.get("hx-request") == "true"

    @property
    def user_agent(self) -> str:
        """The User-Agent header, or an empty string."""
        return self.headers.get("user-agent", "")


@dataclass(frozen=True, slots=True)
class Template:
    """A template's name and context."""

    name: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionResponse:
    """The response to send: a redirect, a template or JSON, with cookies and headers.

    With a template, `body` is the JSON for a client that wants no page. With an error, `location` is a page that shows it.
    """

    status: int = 200
    location: str | None = None
    template: Template | None = None
    error: AuthError | None = None
    body: JSON = None
    cookies: tuple[Cookie, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
