"""Somebody who comes back with the session cookies they were given: for tests of actions, without an application."""

from __future__ import annotations

from genkan.core import Core
from genkan.http.cookies import read_session
from genkan.session.issuer import update_session
from genkan.session.reader import read, refresh
from genkan.types import Session, Token
from tests.cookie_jar import CookieJar

ADA: Token = {"sub": "1", "name": "Ada", "theirs": {"plan": ["a", 1, None]}}


class SessionClient:
    """A browser that keeps its session cookies."""

    def __init__(self, options: Core) -> None:
        self.options = options
        self.jar = CookieJar()

    def sign_in(self, token: Token = ADA) -> Token:
        self.jar.store(update_session(token, (), self.options)[1])
        return self.token()

    def visit(self) -> Session | None:
        reading = read(self.jar.header, self.options)
        self.jar.store(refresh(reading, self.options))
        return reading.session

    def token(self) -> Token:
        found = read_session(self.jar.header, self.options.cookie_names.session)
        assert found is not None
        return self.options.sessions.open(found.token or "")
