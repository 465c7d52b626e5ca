"""Auth.js, to test that both sides read each other's session tokens, and redeem each other's links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from tests.servers.node.nodejs import Program

MAX_AGE = 30 * 24 * 60 * 60

Secret = str | Sequence[str]


class AuthJsError(Exception):
    """Error of Auth.js, with its name and message."""


class AuthJs:
    """Process with Auth.js, started and stopped by `with`. It uses the system clock. Raises NodeMissing."""

    def __init__(self) -> None:
        self._program = Program("authjs_jwt.mjs")

    def __enter__(self) -> Self:
        self._program.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._program.__exit__()

    def encode(self, value: Mapping[str, object], secret: Secret, salt: str, max_age: int = MAX_AGE) -> str:
        """Return a token with these claims. `salt` is the cookie's name, `max_age` is in seconds."""
        return str(self._call(op="encode", value=dict(value), secret=secret, salt=salt, maxAge=max_age))

    def decode(self, token: str, secret: Secret, salt: str) -> dict[str, Any]:
        """Return the token's claims. Raises AuthJsError."""
        return dict(self._call(op="decode", token=token, secret=secret, salt=salt))

    def read(self, token: str, secret: str, salt: str, options: str, now: int) -> str:
        """Return the token that Auth.js sets at a reading of the session, with these options in JavaScript, at `now`."""
        return str(self._call(op="read", token=token, secret=secret, salt=salt, options=options, now=now))

    def ask(self, email: str, origin: str, secret: str, now: int) -> tuple[str, dict[str, str]]:
        """Let Auth.js make a link for this address. Returns it, and the row that its adapter stores."""
        answer = self._call(op="ask", email=email, origin=origin, secret=secret, now=now)
        return answer["url"], answer["row"]

    def redeem(self, url: str, row: Mapping[str, str], secret: str, now: int) -> tuple[str, list[str]]:
        """Let Auth.js open a link, with this row in the table. Returns the location, and the cookies that it sets."""
        answer = self._call(op="redeem", url=url, row=dict(row), secret=secret, now=now)
        return answer["location"], answer["cookies"]

    def _call(self, **question: object) -> Any:
        self._program.send(question)
        answer = self._program.receive()
        if "error" in answer:
            raise AuthJsError(answer["error"])
        return answer["result"]
