"""Mails and stores that the tests of mails share."""

from __future__ import annotations

import dataclasses

from genkan.adapters.addresses import OutgoingMail
from genkan.email.message import Mail
from tests.clock import FrozenClock

MAIL = Mail(
    to="hana@example.com",
    subject="Sign in to shop.example",
    text="Open https://shop.example/" + "x" * 150 + "\n\nGrüße 玄関",
    html="<!doctype html><html><head><title>Sign in</title></head><body><p>Grüße 玄関</p></body></html>",
)


class MemoryOutbox:
    """Outbox of several workers in memory. The clock decides what is due."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.mails: dict[str, OutgoingMail] = {}
        self.due: dict[str, float] = {}
        self.voided: list[str | None] = []
        self.claims = 0

    def add(self, mail: OutgoingMail) -> None:
        """Add a mail that is due."""
        self.mails[mail.id], self.due[mail.id] = mail, self.clock()

    def claim(self, lease: int) -> OutgoingMail | None:
        self.claims += 1
        for id, mail in [*self.mails.items()]:
            if mail.expires <= self.clock():
                self.delivered(id)
            elif self.due[id] <= self.clock():
                self.due[id] = self.clock() + lease
                self.mails[id] = dataclasses.replace(mail, attempts=mail.attempts + 1)
                return self.mails[id]
        return None

    def delivered(self, id: str) -> None:
        del self.mails[id], self.due[id]

    def retry(self, id: str, seconds: int) -> None:
        self.due[id] = self.clock() + seconds

    def failed(self, id: str) -> None:
        self.voided.append(self.mails[id].token_hash)
        self.delivered(id)

    def waiting(self) -> int:
        return len(self.mails)
