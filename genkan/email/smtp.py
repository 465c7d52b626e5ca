"""Delivery of mails to an SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path

from genkan.email.message import Mail
from genkan.errors import UndeliverableMail
from genkan.settings.email import MailFrom, MailServer

TIMEOUT = 10
"""Seconds to wait for each answer of the server."""

_POLICY = SMTP.clone(cte_type="7bit")
"""Servers without the extension 8BITMIME get ASCII."""

_AUTHENTICATION_NEEDED = 530
"""Answer to any recipient if the settings lack user and password."""


class SMTPTransport:
    """Delivers mails to one SMTP server. Each mail has a connection of its own."""

    def __init__(self, server: MailServer, sender: MailFrom, ca_bundle: str | None = None) -> None:
        self._server = server
        self._sender = sender
        self._ca_bundle = ca_bundle

    def __call__(self, mail: Mail) -> None:
        """Deliver the mail.

        Raises UndeliverableMail if the server refuses it for good. Raises OSError or SMTPException if the server can't be
        reached or used at present, also for a wrong password, which the owner can correct.
        """
        message = self._message(mail)
        smtp = self._connect()
        try:
            smtp.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if all(_is_permanent(code) for code in codes):
                raise UndeliverableMail("the recipient was refused") from error
            raise
        except smtplib.SMTPDataError as error:
            if _is_permanent(error.smtp_code):
                raise UndeliverableMail("the mail was refused") from error
            raise
        finally:
            # The mail has been accepted or refused. A failure from here on must not send it again.
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(_POLICY)
        try:
            # As objects: a text could contain several addresses.
            message["From"] = Address(self._sender.name, addr_spec=self._sender.address)
            message["To"] = Address(addr_spec=mail.to)
            message["Subject"] = mail.subject
            message["Date"] = format_datetime(datetime.now(UTC))
            message["Message-ID"] = make_msgid(domain=self._sender.domain)
            message["Auto-Submitted"] = "auto-generated"
            message["X-Auto-Response-Suppress"] = "All"
            message.set_content(mail.text)
            message.add_alternative(mail.html, subtype="html")
        except (ValueError, IndexError, MessageError) as error:  # IndexError: of Address for an empty text
            raise UndeliverableMail("the recipient or the subject is malformed") from error
        return message

    def _connect(self) -> smtplib.SMTP:
        """Return an authenticated connection. Raises OSError or SMTPException."""
        server = self._server
        # The name in EHLO. By default it is looked up in the DNS, which may take seconds.
        name = self._sender.domain
        if server.encryption == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, name, timeout=TIMEOUT, context=self._tls_context()
            )
        else:
            smtp = smtplib.SMTP(server.host, server.port, name, timeout=TIMEOUT)
        try:
            if server.encryption == "starttls":
                # Raises SMTPNotSupportedError if the server does not offer it, or if the offer was removed on the way.
                smtp.starttls(context=self._tls_context())
            if server.user is not None and server.password is not None:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _tls_context(self) -> ssl.SSLContext:
        if self._ca_bundle is None:
            return ssl.create_default_context()
        if Path(self._ca_bundle).is_dir():
            return ssl.create_default_context(capath=self._ca_bundle)
        return ssl.create_default_context(cafile=self._ca_bundle)


def _is_permanent(code: int) -> bool:
    return code // 100 == 5 and code != _AUTHENTICATION_NEEDED
