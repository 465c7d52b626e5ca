"""Settings for mails and passwords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from genkan.http.urls import is_loopback
from genkan.settings.urls import HOST, fail

Encryption = Literal["tls", "starttls", "none"]
"""TLS from the first byte, TLS after the command STARTTLS, or none."""

DEFAULT_PORTS: Mapping[Encryption, int] = {"tls": 465, "starttls": 587, "none": 25}

PASSWORD_MIN = 15
"""Characters of a password that is the only factor (NIST SP 800-63B-4)."""
PASSWORD_MIN_WITH_SECOND_FACTOR = 8
"""Characters of a password where AUTH_MFA_REQUIRED is `all` (NIST SP 800-63B-4)."""
PASSWORD_MIN_AT_MOST = 64
"""A longer minimum would refuse passwords that the standard wants accepted."""

_FORM = "Write it as smtps://user:password@host or smtp://user:password@host:587"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_WITH_NAME = re.compile(r'(?:"([^"]*)"|([^"]*))\s*<([^<>]*)>')


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """The SMTP server that takes our mails."""

    host: str
    port: int
    encryption: Encryption
    user: str | None = None
    password: str | None = field(default=None, repr=False)


class MailFrom(NamedTuple):
    """The sender of our mails."""

    address: str
    name: str = ""
    """Empty if there is none."""

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]


def email_server(environ: Mapping[str, str]) -> MailServer | None:
    """Return the server of AUTH_EMAIL_SERVER, or None if it is not set. Raises ConfigurationError if it is invalid."""
    name = "AUTH_EMAIL_SERVER"
    url = environ.get(name)
    if url is None:
        return None
    parts = _parts(name, url)
    host = parts.hostname or ""
    encryption = _encryption(name, parts, host)
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if not all(re.fullmatch(r"[ -~]*", text or "") for text in (user, password)):
        fail(name, "user and password have characters beyond ASCII", "Choose another password, or encode % as %25")
    if (user is None) != (password is None):
        fail(name, "it has a user without a password, or a password without a user", _FORM)
    if user and encryption == "none" and not is_loopback(host):
        fail(name, "the password would be sent without encryption", "Use smtps://, or remove starttls=off")
    if encryption == "starttls" and parts.port == DEFAULT_PORTS["tls"]:
        fail(name, "port 465 expects TLS from the start", "Write it with smtps:// in place of smtp://")
    port = parts.port or DEFAULT_PORTS[encryption]
    return MailServer(host=host, port=port, encryption=encryption, user=user, password=password)


def email_from(environ: Mapping[str, str], *, other_transport: bool) -> MailFrom | None:
    """Return the sender in AUTH_EMAIL_FROM, or None if it is not set.

    Raises ConfigurationError if it is invalid, and if it or AUTH_EMAIL_SERVER lacks the other. With `other_transport` a
    function of the application delivers mails, so neither is needed.
    """
    name = "AUTH_EMAIL_FROM"
    text, server = environ.get(name), environ.get("AUTH_EMAIL_SERVER")
    if text is None:
        if server is not None and not other_transport:
            fail(name, "it is not set, but AUTH_EMAIL_SERVER is", "Set it to the address that mails come from")
        return None
    if server is None and not other_transport:
        fail(name, "no mail can be sent, because AUTH_EMAIL_SERVER is not set", "Set AUTH_EMAIL_SERVER as well")
    with_name = _WITH_NAME.fullmatch(text.strip())
    sender = MailFrom(text.strip())
    if with_name is not None:
        sender = MailFrom(with_name[3], (with_name[1] or with_name[2] or "").strip())
    if not _ADDRESS.fullmatch(sender.address) or not _is_header_text(sender.name):
        fail(name, "it is not one address", "Write it as login@example.com or as Example <login@example.com>")
    return sender


def passwords(environ: Mapping[str, str]) -> bool:
    """Return True if AUTH_PASSWORDS is on. Raises ConfigurationError if it is neither on nor off."""
    choice = environ.get("AUTH_PASSWORDS", "off")
    if choice not in {"on", "off"}:
        fail("AUTH_PASSWORDS", "it is neither on nor off", "Set it to one of them. The default is off")
    return choice == "on"


def password_min(environ: Mapping[str, str]) -> int:
    """Return the characters that a password needs, from AUTH_PASSWORD_MIN. Raises ConfigurationError if it is invalid."""
    name = "AUTH_PASSWORD_MIN"
    text = environ.get(name, str(PASSWORD_MIN))
    is_only_factor = environ.get("AUTH_MFA_REQUIRED") != "all"
    minimum = PASSWORD_MIN if is_only_factor else PASSWORD_MIN_WITH_SECOND_FACTOR
    remedy = f"Set it to a whole number from {minimum} to {PASSWORD_MIN_AT_MOST}. The default is {PASSWORD_MIN}"
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) > PASSWORD_MIN_AT_MOST:
        fail(name, f"it is not a whole number from {minimum} to {PASSWORD_MIN_AT_MOST}", remedy)
    if int(text) < minimum:
        reason = "a shorter password is safe only where every user has a second factor: AUTH_MFA_REQUIRED=all"
        fail(name, reason if is_only_factor else "it is too low", remedy)
    return int(text)


def _parts(name: str, url: str) -> SplitResult:
    # urlsplit drops line ends and tabs, and takes the last of several @ as the end of the password.
    is_clean = re.fullmatch(r"[!-~]+", url) and not set(url) & set('\\"<>^`{|}')
    if url.count("@") > 1:
        fail(name, "it has more than one @", "Write an @ in user and password as %40")
    try:
        parts = urlsplit(url if is_clean else "")
        is_valid = parts.port != 0 and HOST.fullmatch(parts.hostname or "") is not None
    except ValueError:
        is_valid = False
    if not is_valid or parts.scheme not in {"smtp", "smtps"} or parts.path not in {"", "/"} or parts.fragment:
        fail(name, "it is not the URL of a mail server", f"{_FORM}, and other characters of the password as %2F")
    return parts


def _encryption(name: str, parts: SplitResult, host: str) -> Encryption:
    """Return how the connection is encrypted. Without a query smtp:// needs STARTTLS, except on this computer."""
    if parts.scheme == "smtps" and not parts.query:
        return "tls"
    choice = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "smtps" or (parts.query and (choice.keys() != {"starttls"} or parts.query.count("=") > 1)):
        fail(name, "it has an unknown query", "Remove it. Only smtp:// can have one: ?starttls=off or ?starttls=on")
    default = "off" if is_loopback(host) else "on"
    if choice.get("starttls", default) not in {"on", "off"}:
        fail(name, "starttls is neither on nor off", "Set it to one of them, or remove it")
    return "starttls" if choice.get("starttls", default) == "on" else "none"


def _is_header_text(text: str) -> bool:
    return len(text) <= 100 and text.isprintable() and not set(text) & set('<>"')
