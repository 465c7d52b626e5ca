"""Client that keeps its session cookies, for tests of actions without an application."""

from __future__ import annotations

from genkan.core import Core
from genkan.http.cookies import read_session
from genkan.session.issuer import update_session
from genkan.session.reader import read, refresh
from genkan.types import Session, Token
from tests.cookie_jar import CookieJar

ADA: Token = {"sub": "1", "name": "Ada", "custom": {"plan": ["a", 1, None]}}


class SessionClient:
    """Client with a cookie jar."""

    def __init__(self, options: Core) -> None:
        self.options = options
        self.jar = CookieJar()

    def sign_in(self, token: Token = ADA) -> Token:
        self.jar.take(update_session(token, (), self.options)[1])
        return self.token()

    def visit(self) -> Session | None:
        result = read(self.jar.header, self.options)
        self.jar.take(refresh(result, self.options))
        return result.session

    def token(self) -> Token:
        cookie = read_session(self.jar.header, self.options.cookie_names.session)
        assert cookie is not None
        return self.options.sessions.open(cookie.token or "")
