"""Cookies: the names of ours, the Cookie header of a request, and the Set-Cookie headers of a response."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from typing import NamedTuple
from urllib.parse import quote, unquote

from genkan.crypto.compact import MAX_TOKEN_CHARACTERS

CHUNK_CHARACTERS = 3936
"""Characters of the value of one chunk: the 4096 that browsers keep, less 160 for name and attributes (Auth.js)."""

MAX_CHUNKS = 24
"""A session with more chunks is invalid. A token of MAX_TOKEN_CHARACTERS fills seventeen."""

MAX_SESSION_COOKIES = 4
"""Cookies of one name that are tried. Each costs a decryption or a query."""

_WHITESPACE = " \t"
"""Characters that a parser may strip (RFC 6265 5.2). `str.strip()` also strips NBSP and NEL, and a cookie whose name
begins with one of them would then pass for a `__Host-` cookie."""

_SAFE = "!~*'()"
"""Characters that JavaScript's encodeURIComponent does not encode, beside letters, digits and `-_.`."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """One Set-Cookie header. An empty value with `max_age` 0 deletes the cookie."""

    name: str
    value: str
    secure: bool
    max_age: int | None = None
    """Seconds. None writes no Max-Age."""
    expires: float | None = None
    """Seconds since 1970. None writes no Expires."""

    def to_header(self, path: str = "/") -> str:
        """Return the header's value, encoded and ordered as Auth.js does it. `path` is the Path attribute."""
        parts = [f"{self.name}={quote(self.value, safe=_SAFE)}"]
        if self.max_age is not None:
            parts.append(f"Max-Age={self.max_age}")
        parts.append(f"Path={path}")
        if self.expires is not None:
            parts.append(f"Expires={formatdate(self.expires, usegmt=True)}")
        parts.append("HttpOnly")
        if self.secure:
            parts.append("Secure")
        parts.append("SameSite=Lax")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class CookieNames:
    """The names of our cookies. The session cookie's name is also the salt of its encryption key."""

    session: str
    csrf: str
    callback_url: str
    flow_prefix: str
    sign_out: str
    email: str
    """What the browser has asked for by mail."""
    reset: str
    """The token of a link with which a new password is chosen."""
    known: str
    """The user who has signed in with a password in this browser before."""
    last_used: str
    """The way to sign in that this browser used last."""
    passkey_prefix: str
    """Begins the names of cookies with a challenge for passkeys."""
    second: str
    """The sign-in that waits for a second factor."""
    trusted: str
    """The token of a browser that is not asked for a second factor."""

    @classmethod
    def of(cls, *, secure: bool, session: str | None = None, prefix: str = "authjs", path: str = "/") -> CookieNames:
        """Return Auth.js's names, with `__Secure-` and `__Host-` on https. `session` replaces the session cookie's name.

        `prefix` replaces `authjs`. With another `path` than `/` no name begins with `__Host-`, which needs that path.
        """
        secure_prefix = "__Secure-" if secure else ""
        host_prefix = "__Host-" if secure and path == "/" else secure_prefix
        return cls(
            session=session or f"{secure_prefix}{prefix}.session-token",
            csrf=f"{host_prefix}{prefix}.csrf-token",
            callback_url=f"{secure_prefix}{prefix}.callback-url",
            flow_prefix=f"{host_prefix}{prefix}.flow.",
            sign_out=f"{host_prefix}{prefix}.sign-out",
            email=f"{host_prefix}{prefix}.email",
            reset=f"{host_prefix}{prefix}.reset",
            known=f"{host_prefix}{prefix}.known",
            last_used=f"{host_prefix}{prefix}.last-used",
            passkey_prefix=f"{host_prefix}{prefix}.passkey.",
            second=f"{host_prefix}{prefix}.second",
            trusted=f"{host_prefix}{prefix}.trusted",
        )


class SessionCookie(NamedTuple):
    """A session token as the browser sent it: in one cookie or in chunks."""

    token: str | None
    """The joined token. None if chunks are missing or there are too many."""
    names: tuple[str, ...]
    """The names of the cookies that it came in."""


class RequestCookies:
    """The cookies of one request. The header is parsed once, when a cookie is asked for."""

    def __init__(self, header: str | None = None) -> None:
        """Take the value of a Cookie header (RFC 6265 5.4). None if there is none."""
        self.is_empty = header is None
        """True if the client sent no cookie at all."""
        self.is_unreadable = header == ""
        """True if cookies were sent, and the server could not read them: browsers send no empty header."""
        self._header = header or ""
        self._parsed: list[tuple[str, str]] | None = None

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        # Not `cached_property`, which takes a lock in Python 3.11.
        if self._parsed is None:
            self._parsed = _parse(self._header)
        return self._parsed

    def get(self, name: str) -> str | None:
        """Return the decoded value of the first cookie of that name. None if there is none.

        Browsers put the one with the longest path first.
        """
        return next((_decode(value) for key, value in self._pairs if key == name), None)

    def names_starting_with(self, prefix: str) -> list[str]:
        """Return the names that begin with `prefix`, each once, in the browser's order (oldest first)."""
        return list(dict.fromkeys(name for name, _ in self._pairs if name.startswith(prefix)))

    def sessions(self, name: str) -> list[SessionCookie]:
        """Return the session tokens, each once. Empty if the browser sent no session cookie.

        Only `NAME` and `NAME.<number>` count. Whole cookies come before chunks. Chunks are joined by number and must be
        complete, as in Auth.js. A browser sends several cookies of one name if they have different paths or domains,
        the one with the longest path first. At most MAX_SESSION_COOKIES are returned.
        """
        if name not in self._header:
            return []
        whole: list[str] = []
        chunks: dict[int, list[str]] = {}
        for key, value in self._pairs:
            if not value or not key.startswith(name):
                continue
            if key == name:
                whole.append(_decode(value))
            elif (index := _chunk_index(key[len(name) :])) is not None:
                chunks.setdefault(index, []).append(_decode(value))
        if not chunks and len(whole) < 2:
            # Nearly all requests.
            return [SessionCookie(whole[0], (name,))] if whole else []
        names = (*([name] if whole else ()), *(f"{name}.{index}" for index in chunks))
        turns = max(map(len, chunks.values())) if chunks else 0
        tokens = dict.fromkeys([*whole, *(_join(chunks, turn) for turn in range(turns))])
        return [SessionCookie(token, names) for token in tokens][:MAX_SESSION_COOKIES]


def write_session(
    name: str, token: str, *, cookie_names: tuple[str, ...], secure: bool, expires: float
) -> tuple[Cookie, ...]:
    """Return the cookies of a session token, in chunks if it is long, and deletions of the cookies in `cookie_names` it
    replaces.

    `expires` is in seconds since 1970. Like Auth.js's, the cookies have Expires and no Max-Age.
    """
    chunks = [token[start : start + CHUNK_CHARACTERS] for start in range(0, len(token), CHUNK_CHARACTERS)]
    values = {name: token} if len(chunks) == 1 else {f"{name}.{index}": chunk for index, chunk in enumerate(chunks)}
    stale = tuple(old for old in cookie_names if old not in values)
    written = (Cookie(key, value, secure, expires=expires) for key, value in values.items())
    return (*clear(stale, secure=secure), *written)


def clear(names: tuple[str, ...], *, secure: bool) -> tuple[Cookie, ...]:
    """Return cookies that delete those of these names. The attributes are the same, or browsers would keep them."""
    return tuple(Cookie(name, "", secure, max_age=0) for name in names)


def _parse(header: str) -> list[tuple[str, str]]:
    pairs = []
    for part in header.split(";"):
        name, separator, value = part.strip(_WHITESPACE).partition("=")
        if separator and name:
            pairs.append((name, value.lstrip(_WHITESPACE)))
    return pairs


def _decode(value: str) -> str:
    return unquote(value) if "%" in value else value


def _chunk_index(suffix: str) -> int | None:
    digits = suffix[1:]
    if suffix[0] != "." or not digits.isascii() or not digits.isdigit() or len(digits) > 2:
        return None
    return int(digits) if digits == str(int(digits)) else None


def _join(chunks: dict[int, list[str]], turn: int) -> str | None:
    """Return the token in the chunks that come in this turn among those of their number."""
    values = {index: of_number[turn] for index, of_number in chunks.items() if turn < len(of_number)}
    count = len(values)
    if count > MAX_CHUNKS or any(index not in values for index in range(count)):
        return None
    token = "".join(values[index] for index in range(count))
    return token if len(token) <= MAX_TOKEN_CHARACTERS else None
