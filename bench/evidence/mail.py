"""Times of requests for known and unknown addresses, and a mail whose worker is killed while the mail server has not
answered."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event

import requests
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import text

from bench.evidence.support.setting import DATABASES, Options, Row, new_settings
from bench.evidence.support.workers import pids
from genkan.password.hasher import PasswordHasher
from genkan.types import Account, User
from tests.databases import stores_in
from tests.email.proof.site import OTHER, PASSWORD
from tests.email.smtp_server import Inbox
from tests.four_workers.town import Town, Visitor, link, town
from tests.revocation.running_app import COOKIE

ADDRESSES = 200
"""Known and unknown addresses, each."""

CREDENTIALS = "/api/auth/callback/credentials"

Send = Callable[[Visitor, str, str], requests.Response]

FLOWS: dict[str, Send] = {
    "password": lambda visitor, token, email: visitor.ask(
        "POST", CREDENTIALS, data={"csrfToken": token, "email": email, "password": OTHER}
    ),
    "link": lambda visitor, token, email: visitor.ask(
        "POST", "/api/auth/signin/email", data={"csrfToken": token, "email": email}
    ),
    "sign-up": lambda visitor, token, email: visitor.ask(
        "POST", "/account/sign-up", data={"csrfToken": token, "email": email, "password": OTHER}
    ),
    "reset": lambda visitor, token, email: visitor.ask(
        "POST", "/account/reset", data={"csrfToken": token, "email": email}
    ),
    "change": lambda visitor, token, email: visitor.ask(
        "POST", "/account/address", data={"csrfToken": token, "email": email}
    ),
}
"""Requests that name a known or an unknown address. `change` is sent by another user, who is signed in."""


class SlowInbox(Inbox):
    """Mail server that does not answer until `released` is set, and has not taken such a mail."""

    def __init__(self) -> None:
        super().__init__()
        self.released = Event()
        self.released.set()
        self.held = 0

    async def handle_DATA(self, server: SMTP, session: Session, transaction: Envelope) -> str:  # noqa: N802
        if self.released.is_set():
            return await super().handle_DATA(server, session, transaction)
        self.held += 1
        await asyncio.to_thread(self.released.wait, 60)
        return "451 try again later"


def measure(options: Options) -> Iterator[Row]:
    """Yield a row for each flow, one for the killed workers and one for the restart, for each database."""
    for database in DATABASES:
        inbox = SlowInbox()
        with new_settings(database) as settings:
            with town(settings, inbox) as running:
                yield from _times(running, database, random.Random(options.seed))
                yield _killed(running, inbox, database)
            yield _restarted(settings, inbox, database)


def _times(site: Town, database: str, dice: random.Random) -> Iterator[Row]:
    stores, hash = stores_in(site.running.database), PasswordHasher().hash(PASSWORD)
    assert stores.local is not None
    for name, send in FLOWS.items():
        addresses = {kind: [f"{kind}{number:05}.{name}@example.com" for number in range(ADDRESSES)] for kind in "ku"}
        for email in addresses["k"]:
            user = User("", email=email, email_verified=datetime.now(UTC))
            stored, _ = stores.adapter.create_user(user, Account("hub", email, "oidc"))
            stores.local.addresses.set_password(stored.id, hash)
        mixed = [(kind, email) for kind, emails in addresses.items() for email in emails]
        dice.shuffle(mixed)
        seconds: dict[str, list[float]] = {"k": [], "u": []}
        cookie = _sign_in(site, f"{name}@example.org") if name == "change" else ""
        for kind, email in mixed:
            visitor = Visitor(site.running.origin)
            if cookie:
                visitor.cookies.set(COOKIE, cookie)
            token = visitor.ask("GET", "/api/auth/csrf").json()["csrfToken"]
            started = time.perf_counter()
            response = send(visitor, token, email)
            seconds[kind].append(time.perf_counter() - started)
            assert response.status_code in (200, 303, 401), response.status_code
        known, unknown = (1000 * statistics.median(seconds[kind]) for kind in "ku")
        difference = abs(known - unknown)
        is_equal = difference <= max(0.1 * min(known, unknown), 2)
        yield Row(
            "mail",
            database,
            f"{name}: {ADDRESSES} known and {ADDRESSES} unknown addresses in random order",
            f"medians {known:.1f} ms and {unknown:.1f} ms: {'equal' if is_equal else 'NOT EQUAL'}",
        )


def _sign_in(site: Town, email: str) -> str:
    """Create a user with this proven address and a new session, and return its cookie."""
    user = User("", "Hana", email, role="user", email_verified=datetime.now(UTC))
    stored, _ = site.running.adapter.create_user(user, Account("hub", email, "oidc"))
    return site.running.sign_in(user=stored)[1]


def _killed(site: Town, inbox: SlowInbox, database: str) -> Row:
    email, visitor = "held@example.com", site.visitor()
    _wait_for(lambda: _waiting(site) == 0)
    inbox.released.clear()
    visitor.submit("/api/auth/signin/email", email=email)
    _wait_for(lambda: inbox.held > 0)
    victims = pids(site.running)
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    inbox.released.set()
    [message, *more] = site.texts(email, seconds=90)
    seconds = time.monotonic() - started
    _wait_for(lambda: _waiting(site) == 0)
    is_in = visitor.ask("GET", link(message)).status_code == 302 and visitor.email() == email
    return Row(
        "mail",
        database,
        f"{len(victims)} workers killed while one had given a mail to the server",
        f"sent {1 + len(more)} time after {seconds:.0f} s, {'it signs in' if is_in else 'IT DOES NOT SIGN IN'}, "
        f"{_waiting(site)} rows left in the outbox",
    )


def _restarted(settings: dict[str, str], inbox: SlowInbox, database: str) -> Row:
    email = "restart@example.com"
    inbox.data_answer = "451 try again later"
    with town(settings, inbox) as site:
        site.visitor().submit("/api/auth/signin/email", email=email)
        time.sleep(1)
    inbox.data_answer = None
    started = time.monotonic()
    # No request is sent to the new server.
    with town(settings, inbox) as site:
        messages = site.texts(email, seconds=90)
        seconds = time.monotonic() - started
        _wait_for(lambda: _waiting(site) == 0)
    return Row(
        "mail",
        database,
        "server stopped while the mail server was down, and started again",
        f"sent {len(messages)} time {seconds:.0f} s after the start, 0 rows left in the outbox",
    )


def _waiting(site: Town) -> int:
    with site.running.database.read() as session:
        return int(session.execute(text("SELECT count(*) FROM genkan_outbox")).scalar_one())


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.05)
