"""Rules for new passwords, as NIST SP 800-63B-4 asks for: length, common passwords, words of the context.

There are no rules about kinds of characters: all of Unicode and blanks are accepted. A password field can't contain
control characters, so that they are refused. An existing password is never checked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from genkan.errors import InvalidPassword
from genkan.password.common_passwords import common_passwords, letters_of, reduce, shortest_block
from genkan.password.hasher import normalize

MIN_LENGTH, DEFAULT_LENGTH = 8, 15
"""Lowest value of AUTH_PASSWORD_MIN, for passwords with a second factor, and the default."""

_MIN_WORD, _MIN_RUN, _MIN_DISTINCT = 3, 4, 4

_ROWS = (
    "12345678901234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0",
    "!@#$%^&*()_+", "йцукенгшщзхъфывапролджэячсмитьбю", "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
)  # fmt: skip
"""Rows of keyboards, and sequences. Each is found in both directions."""
_SEQUENCES = (*_ROWS, *(row[::-1] for row in _ROWS))


class PasswordProblem(NamedTuple):
    """Why a new password is refused."""

    code: str
    """`too-short`, `too-long`, `broken-characters`, `control-characters`, `repeated`, `predictable`, `contains-address`,
    `contains-site-name` or `common`."""
    message: str
    """A sentence for the user."""


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """Rules for new passwords. `minimum` is the number of characters that a password needs."""

    minimum: int = DEFAULT_LENGTH

    def check(self, password: str, *, email: str = "", host: str = "", site_name: str = "") -> None:
        """Raise InvalidPassword if the password breaks a rule, with the code as its reason and the sentence as its text."""
        problem = self.problem(password, email=email, host=host, site_name=site_name)
        if problem is not None:
            raise InvalidPassword(problem.message, reason=problem.code)

    def problem(self, password: str, *, email: str = "", host: str = "", site_name: str = "") -> PasswordProblem | None:
        """Return the first rule that the password breaks, or None. Characters are counted as Unicode code points.

        `email` is the address of the user, `host` and `site_name` are the host and the name of the application.
        """
        try:
            normalized = normalize(password)
        except InvalidPassword as error:
            return PasswordProblem(error.reason or "", str(error))
        if len(normalized) < self.minimum:
            return PasswordProblem("too-short", f"Use at least {self.minimum} characters.")
        if any(unicodedata.category(character) == "Cc" for character in normalized):
            return PasswordProblem("control-characters", "Use a password without control characters.")
        text = normalized.casefold()
        return self._repetition(text) or self._context(text, email, host, site_name) or _common(text)

    def _repetition(self, text: str) -> PasswordProblem | None:
        if len(set(text)) < _MIN_DISTINCT or len(shortest_block(text)) < self._rest:
            return PasswordProblem("repeated", "Use a password that does not repeat a few characters.")
        if len(_without_runs(text)) < self._rest:
            return PasswordProblem("predictable", "Use a password without rows of the keyboard and sequences.")
        return None

    def _context(self, text: str, email: str, host: str, site_name: str) -> PasswordProblem | None:
        local, _, domain = email.casefold().partition("@")
        site = host.partition(":")[0].rpartition(".")[0]
        words = {
            "contains-address": _words(local, domain.rpartition(".")[0]),
            "contains-site-name": _words(site, site_name),
        }
        for code, found in words.items():
            rest = _without(letters_and_digits(text), found)
            if rest is not None and (len(_without_runs(rest)) < self._rest or _common(rest)):
                name = "e-mail address" if code == "contains-address" else "name of this site"
                return PasswordProblem(code, f"Use a password that is not made from the {name}.")
        return None

    @property
    def _rest(self) -> int:
        """Characters that must be left without what can be guessed."""
        return self.minimum // 2


def letters_and_digits(text: str) -> str:
    """Return the text without all other characters."""
    return "".join(filter(str.isalnum, text))


def _words(*names: str) -> list[str]:
    """Return the names and their parts, the longest first."""
    found = {letters_and_digits(name.casefold()) for name in names}
    found |= {part for name in names for part in re.split(r"[\W_]+", name.casefold())}
    return sorted((word for word in found if len(word) >= _MIN_WORD), key=len, reverse=True)


def _without(text: str, words: list[str]) -> str | None:
    """Return the text without the words. None if it contains none of them."""
    rest = text
    for word in words:
        rest = rest.replace(word, "")
    return rest if rest != text else None


def _without_runs(text: str) -> str:
    """Return the text without parts of at least four characters that are equal or follow each other in a row."""
    return "".join(run for run in _runs(text) if len(run) < _MIN_RUN)


def _runs(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and _is_run(text[start : end + 1]):
            end += 1
        yield text[start:end]
        start = end


def _is_run(text: str) -> bool:
    return len(set(text)) == 1 or any(text in sequence for sequence in _SEQUENCES)


def _common(text: str) -> PasswordProblem | None:
    """Return the problem if the text is a common password or two of them, whatever digits and signs are around."""
    common = common_passwords()
    for base in {text, reduce(text), letters_of(text)}:
        if base in common or any(base[:cut] in common and base[cut:] in common for cut in range(1, len(base))):
            return PasswordProblem("common", "Use a password that is not one of the most common ones.")
    return None
