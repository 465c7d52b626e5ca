"""Mails of development, which are kept in memory in place of being sent."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from threading import Lock

from genkan.crypto.sealer import Clock
from genkan.email.message import Mail

MAX_MAILS = 50


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """Mail in the mailbox."""

    id: str
    mail: Mail
    sent: float
    """Seconds since 1970."""


class Mailbox:
    """The last MAX_MAILS mails of this process. Calling it adds one."""

    sender = "genkan@localhost"
    """What stands as the sender on the page."""

    def __init__(self, clock: Clock, *, admits_private_peers: bool = False) -> None:
        self.admits_private_peers = admits_private_peers
        """True if clients with a private IP address get the pages, too: AUTH_DEVELOPMENT_PROVIDER=on."""
        self._clock = clock
        self._mails: deque[ReceivedMail] = deque(maxlen=MAX_MAILS)
        self._lock = Lock()

    def __call__(self, mail: Mail) -> None:
        """Add the mail."""
        with self._lock:
            self._mails.appendleft(ReceivedMail(secrets.token_urlsafe(8), mail, self._clock()))

    def list(self) -> list[ReceivedMail]:
        """Return the mails, newest first."""
        with self._lock:
            return [*self._mails]

    def find(self, id: str) -> ReceivedMail | None:
        """Return the mail with this id, or None."""
        return next((mail for mail in self.list() if mail.id == id), None)

    def clear(self) -> None:
        """Delete all mails."""
        with self._lock:
            self._mails.clear()
