"""The parts of sign-in by mail."""

from __future__ import annotations

from dataclasses import dataclass

from genkan.adapters.addresses import AddressStores
from genkan.email.checks import EmailChecks
from genkan.email.limits import MailLimits
from genkan.email.mailbox import Mailbox
from genkan.email.mailer import Mailer
from genkan.http.known_browsers import KnownBrowsers


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSignIn:
    """Sign-in by mail of one application."""

    checks: EmailChecks
    stores: AddressStores
    mailer: Mailer
    limits: MailLimits
    known: KnownBrowsers
    """Browsers in which a user has signed in before."""
    mailbox: Mailbox | None = None
    """Where mails are delivered to in development. None if they are sent."""
