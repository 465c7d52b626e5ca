"""Cookie names, the Cookie header, and the chunks a long session token is cut into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from genkan.crypto.jose import MAX_TOKEN_CHARACTERS
from genkan.http.messages import Cookie

CHUNK_CHARACTERS = 3936
"""Of value for each cookie: 4096 that browsers promise less 160 for name and attributes, Auth.js's figure (T3)."""

_BLANK = " \t"
"""All that a parser may strip (RFC 6265 5.2). `str.strip()` also takes NBSP and NEL, and a name that a browser holds for
another one, because it begins with them, would pass as `__Host-` here."""

MAX_CHUNKS = 24
"""More are not even joined (T4); MAX_TOKEN_CHARACTERS fill seventeen."""


@dataclass(frozen=True, slots=True)
class CookieNames:
    """What our cookies are called; the session's name is also the salt of its key."""

    session: str
    csrf: str
    callback_url: str
    flow_prefix: str
    sign_out: str

    @classmethod
    def of(cls, *, secure: bool, session: str | None = None) -> CookieNames:
        """Auth.js's names, with `__Secure-` and `__Host-` on https; `session` overrides the session cookie's."""
        prefix = "__Secure-" if secure else ""
        return cls(
            session=session or f"{prefix}authjs.session-token",
            csrf=("__Host-" if secure else "") + "authjs.csrf-token",
            callback_url=f"{prefix}authjs.callback-url",
            flow_prefix=("__Host-" if secure else "") + "authjs.flow.",
            sign_out=("__Host-" if secure else "") + "authjs.sign-out",
        )


class SessionCookie(NamedTuple):
    """What a browser sent of a session: the joined token, or None where chunks are missing, and the names seen."""

    token: str | None
    names: tuple[str, ...]


def read(header: str, name: str) -> str | None:
    """The value of the first cookie of that name, percent-decoded; None when there is none."""
    start = header.find(name)
    if start < 0:
        return None
    value = _sole_value(header, name, start)
    if value is None:
        value = next((value for key, value in _pairs(header) if key == name), None)
    return _decoded(value) if value else value


def names_starting_with(header: str, prefix: str) -> list[str]:
    """The names in the header that begin with `prefix`, each once, in the browser's order (oldest first)."""
    if prefix not in header:
        return []
    return list(dict.fromkeys(key for key, _ in _pairs(header) if key.startswith(prefix)))


def read_session(header: str, name: str) -> SessionCookie | None:
    """The session token in a Cookie header, or None when the browser sent nothing of the kind.

    Only `NAME` and `NAME.<number>` count; a whole cookie wins over chunks; chunks are joined by number and must be
    complete (T4).
    """
    start = header.find(name)
    if start < 0:
        return None
    value = _sole_value(header, name, start)
    if value:
        return SessionCookie(_decoded(value), (name,))
    found = dict(_family(header, name))
    if not found:
        return None
    names = tuple(name if index is None else f"{name}.{index}" for index in found)
    whole = found.get(None)
    return SessionCookie(whole if whole is not None else _join(found), names)


def write_session(name: str, token: str, *, seen: tuple[str, ...], secure: bool, expires: float) -> tuple[Cookie, ...]:
    """Set-Cookies for a token, chunked where it is long, that also delete what it leaves behind.

    `expires` is in seconds since 1970. Like Auth.js's, the cookies say Expires and not Max-Age.
    """
    chunks = [token[start : start + CHUNK_CHARACTERS] for start in range(0, len(token), CHUNK_CHARACTERS)]
    values = {name: token} if len(chunks) == 1 else {f"{name}.{index}": chunk for index, chunk in enumerate(chunks)}
    stale = tuple(old for old in seen if old not in values)
    fresh = (Cookie(key, value, secure, expires=expires) for key, value in values.items())
    return (*clear(stale, secure=secure), *fresh)


def clear(names: tuple[str, ...], *, secure: bool) -> tuple[Cookie, ...]:
    """Set-Cookies that delete these."""
    return tuple(Cookie(name, "", secure, max_age=0) for name in names)


def _sole_value(header: str, name: str, start: int) -> str | None:
    # Nearly every request: one whole cookie, found without taking the header apart. None where it takes that.
    end = start + len(name)
    if header[end : end + 1] != "=" or header.find(name, end) >= 0:
        return None
    before = header[:start].rstrip(_BLANK)
    if before and not before.endswith(";"):
        return None
    return header[end + 1 :].partition(";")[0].strip(_BLANK)


def _decoded(value: str) -> str:
    if "%" not in value:
        return value
    # All that Auth.js's own values have to escape, and a quarter of what unquote() costs.
    plain = value.replace("%7C", "|")
    return unquote(value) if "%" in plain else plain


def _pairs(header: str) -> Iterator[tuple[str, str]]:
    for part in header.split(";"):
        key, separator, value = part.strip(_BLANK).partition("=")
        if separator and key:
            yield key, value


def _family(header: str, name: str) -> Iterator[tuple[int | None, str]]:
    # Reversed, so that of two cookies of one name the first one stays.
    for key, value in reversed(list(_pairs(header))):
        if not value or not key.startswith(name):
            continue
        if key == name:
            yield None, _decoded(value)
        elif key[len(name)] == "." and _is_index(key[len(name) + 1 :]):
            yield int(key[len(name) + 1 :]), _decoded(value)


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 2 and text == str(int(text))


def _join(chunks: dict[int | None, str]) -> str | None:
    count = len(chunks)
    if count > MAX_CHUNKS or any(index not in chunks for index in range(count)):
        return None
    token = "".join(chunks[index] for index in range(count))
    return token if len(token) <= MAX_TOKEN_CHARACTERS else None
