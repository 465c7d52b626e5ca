"""The real `@auth/core/jwt`, to open what we seal and to seal what we open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from tests.servers.node.nodejs import Program

MAX_AGE = 30 * 24 * 60 * 60

Secret = str | Sequence[str]


class AuthJsError(Exception):
    """Auth.js refused; its error's name and message."""


class AuthJs:
    """Auth.js behind a `with`; its clock is the real one. Raises NodeMissing when it cannot be had."""

    def __init__(self) -> None:
        self._program = Program("authjs_jwt.mjs")

    def __enter__(self) -> Self:
        self._program.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._program.__exit__()

    def encode(self, value: Mapping[str, object], secret: Secret, salt: str, max_age: int = MAX_AGE) -> str:
        """A token with these claims; `salt` is the cookie's name, `max_age` in seconds."""
        return str(self._ask(op="encode", value=dict(value), secret=secret, salt=salt, maxAge=max_age))

    def decode(self, token: str, secret: Secret, salt: str) -> dict[str, Any]:
        """The token's claims. Raises AuthJsError."""
        return dict(self._ask(op="decode", token=token, secret=secret, salt=salt))

    def _ask(self, **question: object) -> Any:
        self._program.say(question)
        answer = self._program.hear()
        if "error" in answer:
            raise AuthJsError(answer["error"])
        return answer["result"]
