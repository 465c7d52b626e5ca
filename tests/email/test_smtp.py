"""Delivery to a real SMTP server: encryption, authentication, headers, and what counts as refused for good."""

from __future__ import annotations

import dataclasses
import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from genkan.email.message import Mail
from genkan.email.smtp import SMTPTransport
from genkan.errors import UndeliverableMail
from genkan.settings.email import MailFrom, email_from, email_server
from tests.email.mailboxes import MAIL
from tests.email.smtp_server import PASSWORD, USER, Inbox, authenticate, smtp_server
from tests.servers.process import free_port
from tests.tokens.certificates import self_signed, server_context, signed_by_private_authority

SENDER = MailFrom("login@shop.example", "Shöp, the shop")
CREDENTIALS = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"


def transport(url: str, ca_bundle: str | None = None, sender: MailFrom = SENDER) -> SMTPTransport:
    server = email_server({"AUTH_EMAIL_SERVER": url})
    assert server is not None
    return SMTPTransport(server, sender, ca_bundle)


@pytest.fixture(scope="module", name="authority")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ssl.SSLContext]:
    """Return the file of a private authority, and the context of a server whose certificate it signed."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, certificate = signed_by_private_authority()
    (folder / "authority.pem").write_bytes(authority)
    (folder / "server.pem").write_bytes(certificate)
    return str(folder / "authority.pem"), server_context(str(folder / "server.pem"))


@pytest.fixture(scope="module", name="plain")
def _plain() -> Iterator[tuple[Inbox, int]]:
    inbox = Inbox()
    with smtp_server(inbox) as port:
        yield inbox, port


@pytest.fixture(name="inbox")
def _inbox(plain: tuple[Inbox, int]) -> Inbox:
    plain[0].__init__()  # type: ignore[misc]  # empty again
    return plain[0]


@pytest.fixture(name="send")
def _send(plain: tuple[Inbox, int], inbox: Inbox) -> SMTPTransport:
    return transport(f"smtp://127.0.0.1:{plain[1]}")


def test_the_mail_arrives_as_text_and_html_with_its_headers(send: SMTPTransport, inbox: Inbox) -> None:
    send(MAIL)
    (message,), (transaction,) = inbox.messages, inbox.transactions

    assert (transaction.mail_from, transaction.rcpt_tos) == ("login@shop.example", ["hana@example.com"])
    assert message["To"] == "hana@example.com"
    assert message["From"].addresses[0].display_name == "Shöp, the shop"
    assert message["Subject"] == MAIL.subject
    assert message["Message-ID"].endswith("@shop.example>")
    assert message["Date"].datetime.tzinfo is not None
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == MAIL.text.splitlines()
    assert html.get_content().rstrip() == MAIL.html
    assert transaction.content is not None
    assert bytes(transaction.content).isascii()  # type: ignore[arg-type]  # it is bytes
    assert inbox.sessions[0].host_name == "shop.example"


# requirement K7
@pytest.mark.parametrize(
    "changes",
    [
        {"to": "hana@example.com, eve@evil.example"},
        {"to": "hana@example.com\r\nBcc: eve@evil.example"},
        {"to": "Hana <hana@example.com>"},
        {"to": "hana@example.com> RCPT TO:<eve@evil.example"},
        {"to": ""},
        {"to": "hàna@example.com"},
        {"subject": "Sign in\r\nBcc: eve@evil.example"},
        {"subject": "Sign in\nBcc: eve@evil.example"},
        {"text": "\ud800"},
    ],
)
def test_nothing_is_sent_to_or_by_a_malformed_header(
    send: SMTPTransport, inbox: Inbox, changes: dict[str, str]
) -> None:
    with pytest.raises(UndeliverableMail) as caught:
        send(dataclasses.replace(MAIL, **changes))
    assert inbox.transactions == []
    assert "eve" not in str(caught.value)


def test_a_body_can_neither_end_the_mail_nor_add_a_header(send: SMTPTransport, inbox: Inbox) -> None:
    text = "Bcc: eve@evil.example\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n"
    send(dataclasses.replace(MAIL, text=text))
    (message,) = inbox.messages

    assert message["Bcc"] is None
    plain = message.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().split() == text.split()


@pytest.mark.parametrize("answer", ["550 no such user", "553 no", "551 not here"])
def test_a_refused_recipient_is_final(send: SMTPTransport, inbox: Inbox, answer: str) -> None:
    inbox.recipient_answer = answer
    with pytest.raises(UndeliverableMail) as caught:
        send(MAIL)
    assert MAIL.to not in str(caught.value)


def test_a_mail_refused_for_its_content_is_final(send: SMTPTransport, inbox: Inbox) -> None:
    inbox.data_answer = "554 looks like spam"
    with pytest.raises(UndeliverableMail):
        send(MAIL)


@pytest.mark.parametrize("answer", ["450 greylisted", "421 too busy", "452 disk full", "530 authentication required"])
def test_other_refusals_are_temporary(send: SMTPTransport, inbox: Inbox, answer: str) -> None:
    inbox.recipient_answer = answer
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(MAIL)


def test_a_server_that_is_down_is_temporary() -> None:
    with pytest.raises(OSError, match="refused"):
        transport(f"smtp://127.0.0.1:{free_port()}")(MAIL)


def test_user_and_password_over_tls_from_the_start(authority: tuple[str, ssl.SSLContext]) -> None:
    inbox = Inbox()
    with smtp_server(inbox, tls=authority[1], authenticator=authenticate, auth_require_tls=False) as port:
        transport(f"smtps://{CREDENTIALS}127.0.0.1:{port}", authority[0])(MAIL)
        assert inbox.sessions[0].authenticated
        with pytest.raises(smtplib.SMTPAuthenticationError):
            transport(f"smtps://{quote(USER)}:wrong@127.0.0.1:{port}", authority[0])(MAIL)
        with pytest.raises(ssl.SSLCertVerificationError):
            transport(f"smtps://{CREDENTIALS}127.0.0.1:{port}")(MAIL)
    assert len(inbox.messages) == 1


def test_user_and_password_after_starttls(authority: tuple[str, ssl.SSLContext], tmp_path: Path) -> None:
    inbox = Inbox()
    (tmp_path / "other.pem").write_bytes(self_signed()[0])
    with smtp_server(inbox, starttls=authority[1], auth_required=True, authenticator=authenticate) as port:
        url = f"smtp://{CREDENTIALS}127.0.0.1:{port}?starttls=on"
        transport(url, authority[0])(MAIL)
        with pytest.raises(ssl.SSLCertVerificationError):
            transport(url, str(tmp_path / "other.pem"))(MAIL)
    assert inbox.sessions[0].ssl is not None
    assert inbox.sessions[0].authenticated
    assert len(inbox.messages) == 1


def test_nothing_is_sent_if_the_server_does_not_offer_starttls(plain: tuple[Inbox, int], inbox: Inbox) -> None:
    with pytest.raises(smtplib.SMTPNotSupportedError):
        transport(f"smtp://{CREDENTIALS}127.0.0.1:{plain[1]}?starttls=on")(MAIL)
    assert inbox.messages == []


def test_the_sender_may_have_no_name(plain: tuple[Inbox, int], inbox: Inbox) -> None:
    sender = email_from(
        {"AUTH_EMAIL_FROM": "login@shop.example", "AUTH_EMAIL_SERVER": "smtp://h"}, other_transport=False
    )
    assert sender is not None
    transport(f"smtp://127.0.0.1:{plain[1]}", sender=sender)(Mail(to="a@b.example", subject="玄関", text="", html=""))
    assert inbox.messages[0]["From"] == "login@shop.example"
    assert inbox.messages[0]["Subject"] == "玄関"
