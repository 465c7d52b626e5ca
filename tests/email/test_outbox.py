"""The sender of the outbox: repeated attempts, mails of workers that ended, and one thread for each process."""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from flask import Flask

from genkan import Genkan
from genkan.email.message import Mail
from genkan.email.outbox import IDLE, LEASE, MAX_DELAY, OutboxSender
from genkan.email.smtp import SMTPTransport
from genkan.errors import AdapterError, UndeliverableMail
from genkan.settings.email import MailFrom, MailServer
from genkan.settings.environment import ROOT
from tests.clock import FrozenClock
from tests.email.mailboxes import MAIL, MemoryOutbox
from tests.email.smtp_server import Inbox, smtp_server
from tests.servers.process import free_port

SECRETS = ("tests-only-secret-that-protects-nothing-at-all",)
WAIT = 20
"""Seconds that a test waits for a thread at most."""


class Transport:
    """Keeps the mails that it gets, and fails while `error` is set."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.error: Exception | None = None
        self.called = threading.Event()

    def __call__(self, mail: Mail) -> None:
        self.called.set()
        if self.error is not None:
            raise self.error
        self.mails.append(mail)


@pytest.fixture(name="outbox")
def _outbox(clock: FrozenClock) -> MemoryOutbox:
    return MemoryOutbox(clock)


@pytest.fixture(name="transport")
def _transport() -> Transport:
    return Transport()


@pytest.fixture(name="sender")
def _sender(outbox: MemoryOutbox, transport: Transport, clock: FrozenClock) -> OutboxSender:
    return OutboxSender(outbox, transport, SECRETS, clock)


def add(sender: OutboxSender, outbox: MemoryOutbox, seconds: int = 600) -> str:
    """Add a mail that is useless after `seconds`, and return its id."""
    mail = sender.create(MAIL, expires=int(outbox.clock()) + seconds, identifier=MAIL.to, token_hash="hash")
    outbox.add(mail)
    return mail.id


def test_a_mail_is_delivered_once_and_leaves_the_outbox(
    sender: OutboxSender, outbox: MemoryOutbox, transport: Transport
) -> None:
    add(sender, outbox)
    add(sender, outbox)
    assert sender.send_now() == 2
    assert sender.send_now() == 0
    assert transport.mails == [MAIL, MAIL]
    assert outbox.waiting() == 0


# requirement L1
def test_the_outbox_and_the_log_contain_nothing_of_the_mail(
    sender: OutboxSender, outbox: MemoryOutbox, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "genkan")
    secrets = (MAIL.to, MAIL.subject, MAIL.text, "玄関")
    mail = outbox.mails[add(sender, outbox)]
    assert not [secret for secret in secrets if secret in mail.body]
    assert mail.body not in repr(mail)
    for error in (OSError(MAIL.to), UndeliverableMail(MAIL.text)):
        transport.error = error
        sender.send_now()
        outbox.clock.advance(MAX_DELAY)
    transport.error = None
    add(sender, outbox)
    sender.send_now()

    events = [record.__dict__["event"] for record in caplog.records]
    assert events == ["mail-delayed", "mail-failed", "mail-sent"]
    written = json.dumps([record.__dict__ for record in caplog.records], default=repr, ensure_ascii=False)
    assert not [secret for secret in secrets if secret in written]


def test_a_mail_that_can_never_be_delivered_is_deleted_with_its_token(
    sender: OutboxSender, outbox: MemoryOutbox, transport: Transport
) -> None:
    add(sender, outbox)
    transport.error = UndeliverableMail()
    assert sender.send_due() == IDLE
    assert (outbox.waiting(), outbox.voided) == (0, ["hash"])


def test_a_mail_of_another_secret_is_deleted(sender: OutboxSender, outbox: MemoryOutbox, transport: Transport) -> None:
    other = OutboxSender(outbox, transport, ("another-secret-that-protects-nothing-at-all",), outbox.clock)
    add(other, outbox)
    sender.send_due()
    assert (outbox.waiting(), transport.mails) == (0, [])


def test_a_mail_is_tried_until_it_is_useless(
    sender: OutboxSender, outbox: MemoryOutbox, transport: Transport, clock: FrozenClock
) -> None:
    start = clock()
    add(sender, outbox, 100)
    transport.error = OSError()
    delays = []
    while outbox.waiting():
        clock.advance(wait := sender.send_due())
        delays.append(wait)
    assert delays[:5] == [2, 3, 5, 9, IDLE]
    assert max(delays) == IDLE
    assert 80 < clock() - start < 130
    assert outbox.voided == ["hash"]


def test_it_is_sent_within_thirty_seconds_after_the_server_is_back(clock: FrozenClock, outbox: MemoryOutbox) -> None:
    port = free_port()
    server = MailServer(host="127.0.0.1", port=port, encryption="none")
    sender = OutboxSender(outbox, SMTPTransport(server, MailFrom("login@shop.example")), SECRETS, clock)
    add(sender, outbox, 100_000)
    add(sender, outbox, 100_000)
    for _ in range(20):
        clock.advance(sender.send_due())
    inbox, back = Inbox(), clock()
    with smtp_server(inbox, port=port):
        while outbox.waiting():
            clock.advance(sender.send_due())
    assert clock() - back <= 30
    assert [message["To"] for message in inbox.messages] == [MAIL.to, MAIL.to]
    assert outbox.waiting() == 0


def test_mails_that_fail_do_not_stop_the_others(outbox: MemoryOutbox, clock: FrozenClock) -> None:
    arrived = []

    def send(mail: Mail) -> None:
        if mail.to == "slow@example.com":
            raise OSError
        arrived.append(mail.to)

    sender = OutboxSender(outbox, send, SECRETS, clock)
    for to in ("slow@example.com", "a@example.com", "slow@example.com", "b@example.com"):
        outbox.add(sender.create(Mail(to=to, subject="", text="", html=""), expires=int(clock()) + 600))
    assert sender.send_due() == 2
    assert arrived == ["a@example.com", "b@example.com"]


def test_the_others_wait_if_the_server_does_not_answer(
    sender: OutboxSender, outbox: MemoryOutbox, monkeypatch: pytest.MonkeyPatch, transport: Transport
) -> None:
    """Each of them would take ten seconds."""
    times = iter((0, 10))
    monkeypatch.setattr("genkan.email.outbox.monotonic", lambda: next(times))
    transport.error = TimeoutError()
    add(sender, outbox)
    add(sender, outbox)
    assert sender.send_due() == 2
    assert sorted(mail.attempts for mail in outbox.mails.values()) == [0, 1]


def test_the_mail_of_a_worker_that_ended_is_taken_over_within_a_minute(
    sender: OutboxSender, outbox: MemoryOutbox, transport: Transport, clock: FrozenClock
) -> None:
    add(sender, outbox)
    assert outbox.claim(LEASE)
    assert sender.send_due() == IDLE
    assert transport.mails == []
    assert LEASE + IDLE < 60
    clock.advance(LEASE)
    sender.send_due()
    assert transport.mails == [MAIL]


def test_a_failing_database_is_logged_and_asked_again(
    sender: OutboxSender, outbox: MemoryOutbox, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    claim, failed = outbox.claim, threading.Event()

    def fail(lease: int) -> None:
        failed.set()
        raise AdapterError

    outbox.claim = fail  # type: ignore[method-assign]  # the database is down
    add(sender, outbox)
    sender.wake()
    assert failed.wait(WAIT)
    outbox.claim = claim  # type: ignore[method-assign]  # and back
    sender.wake()
    assert transport.called.wait(WAIT)
    sender.stop()
    assert "outbox-unavailable" in {record.__dict__["event"] for record in caplog.records}


def test_a_process_that_only_checks_the_settings_takes_no_mail(
    sender: OutboxSender, outbox: MemoryOutbox, transport: Transport
) -> None:
    add(sender, outbox)
    sender.start()
    sender.stop()
    assert transport.mails == []
    assert [mail.attempts for mail in outbox.mails.values()] == [0]


def test_a_command_takes_no_mail(tmp_path: Path) -> None:
    app = Flask(__name__)
    url = f"sqlite:///{tmp_path}/new.db"
    mail = {"AUTH_EMAIL_SERVER": "smtp://127.0.0.1:9", "AUTH_EMAIL_FROM": "login@shop.example"}
    Genkan(app, AUTH_URL="https://shop.example", AUTH_SECRET=SECRETS[0], GENKAN_DATABASE_URL=url, **mail)

    assert app.test_cli_runner().invoke(args=["genkan", "upgrade"]).exit_code == 0
    sender = app.extensions["genkan"].core.email.mailer.sender
    sender.wake()  # as after a mail that the command adds
    assert sender._thread is None


def thread_of(sender: OutboxSender) -> threading.Thread:
    assert sender._thread is not None
    return sender._thread._thread


def test_one_thread_sends_until_it_is_stopped(sender: OutboxSender, outbox: MemoryOutbox, transport: Transport) -> None:
    add(sender, outbox)
    sender.wake()
    thread = thread_of(sender)
    for _ in range(5):
        sender.wake()
    assert transport.called.wait(WAIT)
    assert thread_of(sender) is thread
    sender.stop()
    assert not thread.is_alive()
    assert outbox.waiting() == 0


def test_a_thread_ends_with_its_sender(outbox: MemoryOutbox, transport: Transport, clock: FrozenClock) -> None:
    sender = OutboxSender(outbox, transport, SECRETS, clock)
    add(sender, outbox)
    sender.wake()
    assert transport.called.wait(WAIT)
    thread = thread_of(sender)
    del sender
    gc.collect()
    # It may have been in a pass, which holds the sender.
    thread.join(WAIT)
    assert not thread.is_alive()


FORKED = """
import os, sys, threading, time
from genkan.email.message import Mail
from genkan.email.outbox import OutboxSender
from tests.clock import FrozenClock
from tests.email.mailboxes import MAIL, MemoryOutbox

clock = FrozenClock()
outbox = MemoryOutbox(clock)
sent = threading.Event()
def send(mail):
    os.write(1, f"{os.getpid() == parent}\\n".encode())
    sent.set()
sender = OutboxSender(outbox, send, ("tests-only-secret-that-protects-nothing-at-all",), clock)
def deliver():
    outbox.add(sender.create(MAIL, expires=int(clock()) + 600))
    sender.wake()
    assert sent.wait(20)
    sent.clear()
parent = os.getpid()
deliver()
child = os.fork()
deliver()
if child == 0:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_process_has_a_thread_of_its_own_and_both_exit_cleanly() -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.split()) == ["False", "True", "True"]
