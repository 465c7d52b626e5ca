"""Put mails into the outbox, in one transaction with the link and code that they contain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from genkan.adapters.addresses import Verification, VerificationStore
from genkan.crypto.sealer import Clock
from genkan.email.message import Mail
from genkan.email.outbox import OutboxSender

Render = Callable[[str, Mapping[str, object]], str]
"""Renders a template with a context."""

NOTICE_LIFETIME = 24 * 3600
"""Seconds for which a mail without a link may wait in the outbox."""


@dataclass(frozen=True, slots=True)
class Mailer:
    """Renders mails and stores them. They are delivered outside the request."""

    store: VerificationStore
    sender: OutboxSender
    deliver: Callable[[], object]
    """Called when a mail was stored: it tells the sender's thread, or, in development, delivers at once."""
    render: Render
    clock: Clock

    def add(
        self, template: str, to: str, context: Mapping[str, object], verification: Verification | None = None
    ) -> None:
        """Store this mail, and the verification that its link and code redeem. Raises AdapterError.

        The first line of the text template is the subject. Without a recipient (empty) everything but the delivery is
        done, so that this takes as long as a mail does.
        """
        subject, _, text = self.render(f"genkan/mail/{template}.txt", context).partition("\n")
        html = self.render(f"genkan/mail/{template}.html", {**context, "subject": subject})
        mail = Mail(to=to, subject=" ".join(subject.split()), text=text.strip() + "\n", html=html)
        expires = verification.expires if verification else int(self.clock()) + NOTICE_LIFETIME
        key = (verification.identifier, verification.token_hash) if verification else (None, None)
        outgoing = self.sender.create(mail, expires=expires, identifier=key[0], token_hash=key[1])
        self.store.add(verification, outgoing)
        self.deliver()
