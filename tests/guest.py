"""Somebody who comes back with the session cookies they were given: for tests of actions, without an application."""

from __future__ import annotations

from genkan.actions.issuing import issue
from genkan.actions.session import read, renew
from genkan.cookies import read_session
from genkan.identity import Session, Token
from genkan.options import Options
from tests.jar import Jar

ADA: Token = {"sub": "1", "name": "Ada", "theirs": {"plan": ["a", 1, None]}}


class Guest:
    """A browser that keeps its session cookies."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.jar = Jar()

    def sign_in(self, token: Token = ADA) -> Token:
        self.jar.take(issue(token, (), self.options)[1])
        return self.token()

    def visit(self) -> Session | None:
        reading = read(self.jar.header, self.options)
        self.jar.take(renew(reading, self.options))
        return reading.session

    def token(self) -> Token:
        found = read_session(self.jar.header, self.options.names.session)
        assert found is not None
        return self.options.sessions.open(found.token or "")
