"""Cookie headers of a signed-in user, of a given length."""

from __future__ import annotations

import time
from bisect import bisect_right

from flask import Flask

from bench.application import CLAIMS, session_cookie
from genkan.http.cookies import CHUNK_CHARACTERS, write_session


class Cookies:
    """Cookie headers for one application."""

    def __init__(self, app: Flask) -> None:
        self._options = app.extensions["genkan"].core
        self.default = session_cookie(app)
        """Session in one cookie, and the CSRF cookie."""

    def of_chunks(self, count: int) -> str:
        """Return the longest session that takes `count` cookies. An additional claim fills them."""
        most = bisect_right(range(count * CHUNK_CHARACTERS), count, key=lambda size: len(self._chunks(size))) - 1
        return "; ".join(self._chunks(most))

    def _chunks(self, padding: int) -> list[str]:
        claims = {**CLAIMS, "auth_time": int(time.time()), "padding": "x" * padding}
        token = self._options.sessions.sealer.seal(claims, self._options.sessions.config.max_age)
        name = self._options.cookie_names.session
        written = write_session(name, token, cookie_names=(), secure=self._options.secure, expires=0)
        return [f"{cookie.name}={cookie.value}" for cookie in written]
