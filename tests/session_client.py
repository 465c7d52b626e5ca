"""Client that keeps its session cookies, for tests without an application."""

from __future__ import annotations

from genkan.core import Core
from genkan.http.cookies import RequestCookies
from genkan.session.issuer import update_session
from genkan.session.reader import read, refresh
from genkan.types import Session, Token
from tests.cookie_jar import CookieJar

ADA: Token = {"sub": "1", "name": "Ada", "custom": {"plan": ["a", 1, None]}}


class SessionClient:
    """Client with a cookie jar. `core` handles its requests and can be replaced."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.jar = CookieJar()

    def sign_in(self, token: Token = ADA) -> Token:
        """Create a session with these claims. Return the claims of its cookie."""
        self.jar.store(update_session(token, "", (), self.core.sessions)[1])
        return self.token()

    def request(self) -> Session | None:
        """Read and refresh the session, as every request does. Return the session."""
        result = read(RequestCookies(self.jar.header), self.core.sessions)
        self.jar.store(refresh(result, self.core.sessions))
        return result.session

    def token(self) -> Token:
        """Return the claims of the session cookie."""
        cookie = next(iter(RequestCookies(self.jar.header).sessions(self.core.cookie_names.session)), None)
        assert cookie is not None
        return self.core.sessions.sealer.open(cookie.token or "")
