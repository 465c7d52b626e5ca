"""The Cookie header of somebody who is signed in, as long as it is wanted."""

from __future__ import annotations

import time
from bisect import bisect_right

from flask import Flask

from bench.application import PERSON, session_cookie
from genkan.http.cookies import CHUNK_CHARACTERS, write_session


class Cookies:
    """What browsers send to one application."""

    def __init__(self, app: Flask) -> None:
        self._options = app.extensions["genkan"].core
        self.usual = session_cookie(app)
        """A session of one cookie, and the CSRF pair."""

    def of_chunks(self, count: int) -> str:
        """The longest session that takes this many cookies: a claim of no use fills them."""
        most = bisect_right(range(count * CHUNK_CHARACTERS), count, key=lambda size: len(self._chunks(size))) - 1
        return "; ".join(self._chunks(most))

    def _chunks(self, padding: int) -> list[str]:
        claims = {**PERSON, "auth_time": int(time.time()), "padding": "x" * padding}
        token = self._options.sessions.sealer.seal(claims, self._options.policy.max_age)
        name = self._options.names.session
        written = write_session(name, token, seen=(), secure=self._options.secure, expires=0)
        return [f"{cookie.name}={cookie.value}" for cookie in written]
