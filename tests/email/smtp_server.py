"""A real SMTP server in a thread, which keeps what it receives."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers.process import free_port

USER, PASSWORD = "shop@example.com", "p:a/s s%@word"


class Inbox:
    """Mails that the server has received. `answers` are its replies to a recipient, or to the data of a mail, in place
    of 250."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.transactions: list[Envelope] = []
        self.sessions: list[Session] = []
        self.recipient_answer: str | None = None
        self.data_answer: str | None = None

    async def handle_RCPT(  # noqa: N802 (named by aiosmtpd)
        self, _server: SMTP, _session: Session, transaction: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.recipient_answer is not None:
            return self.recipient_answer
        transaction.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, transaction: Envelope) -> str:  # noqa: N802
        if self.data_answer is not None:
            return self.data_answer
        content = transaction.content
        assert isinstance(content, bytes)
        self.messages.append(message_from_bytes(content, policy=policy.default))
        self.transactions.append(transaction)
        self.sessions.append(session)
        return "250 OK"


def authenticate(_server: SMTP, _session: Session, _transaction: Envelope, _mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@contextmanager
def smtp_server(
    inbox: Inbox,
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    port: int | None = None,
    **options: Any,
) -> Iterator[int]:
    """Run the server during the block, and yield its port. `tls` and `starttls` are its contexts."""
    port = port or free_port()
    context: dict[str, Any] = {"ssl_context": tls, "tls_context": starttls}
    controller = Controller(
        inbox, "127.0.0.1", port, server_hostname="mail.test", ready_timeout=20, **context, **options
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
