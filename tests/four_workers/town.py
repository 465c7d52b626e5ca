"""The application with four workers and a mail server, and its visitors."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html import unescape
from itertools import count
from threading import Barrier

import requests

from tests.email.proof.site import PASSWORD
from tests.email.smtp_server import Inbox, smtp_server
from tests.revocation.running_app import COOKIE, RunningApp, running_app
from tests.servers.process import free_port
from tests.servers.server import ServerClient

WAIT = 60
"""Seconds in which a mail arrives."""

AT_ONCE = 20
"""Requests at the same moment."""

_numbers = count(1)


class Visitor(ServerClient):
    """Browser in a network of its own."""

    def __init__(self, origin: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(origin)
        number = next(_numbers)
        self.headers["X-Forwarded-For"] = f"10.{number >> 8 & 255}.{number & 255}.9"
        self.headers.update(headers or {})

    def submit(self, path: str, **fields: str) -> requests.Response:
        """Submit a form with a CSRF token."""
        token = self.ask("GET", "/api/auth/csrf").json()["csrfToken"]
        return self.ask("POST", path, data={"csrfToken": token, **fields})

    def copy(self) -> Visitor:
        """Return a client with the same cookies."""
        other = Visitor(self.origin)
        other.cookies.update(self.cookies)
        return other

    def email(self) -> str | None:
        """Return the address of the signed-in user, or None."""
        session = self.ask("GET", "/api/auth/session").json()
        return session and str(session["user"]["email"])


class Town:
    """Application, its mail server, and the mails that were received."""

    def __init__(self, running: RunningApp, inbox: Inbox) -> None:
        self.running, self.inbox = running, inbox

    def visitor(self) -> Visitor:
        return Visitor(self.running.origin)

    def texts(self, email: str, number: int = 1, seconds: float = WAIT) -> list[str]:
        """Return the texts of the mails to this address, the latest first, as soon as there are `number`."""
        deadline = time.monotonic() + seconds
        while True:
            found = [mail for mail in [*self.inbox.messages] if str(mail["To"]) == email]
            if len(found) >= number:
                return [mail.get_body(("plain",)).get_content() for mail in reversed(found)]
            assert time.monotonic() < deadline, f"{len(found)} of {number} mails to {email}"
            time.sleep(0.05)

    def sign_up(self, email: str) -> Visitor:
        visitor = self.visitor()
        assert visitor.submit("/account/sign-up", email=email, password=PASSWORD).status_code == 303
        visitor.ask("GET", link(self.texts(email)[0]))
        assert visitor.email() == email
        return visitor


def link(text: str) -> str:
    return str(re.findall(r"http://\S+", text)[0])


def code(text: str) -> str:
    return str(re.findall(r"\b[0-9]{6}\b", text.replace(link(text), ""))[0])


def fields_of(page: str) -> dict[str, str]:
    return {
        name: unescape(value) for name, value in re.findall(r'name="(\w+)"(?: type="email")? value="([^"]*)"', page)
    }


@contextmanager
def town(settings: dict[str, str], inbox: Inbox) -> Iterator[Town]:
    """Run the application with these settings and a mail server. One proxy is trusted, so a client can choose its
    address."""
    port = free_port()
    mail = {"AUTH_EMAIL_SERVER": f"smtp://127.0.0.1:{port}", "AUTH_EMAIL_FROM": "shop@example.com"}
    more = {"AUTH_PASSWORDS": "on", "TRUSTED_PROXY_HOPS": "1", **mail}
    with smtp_server(inbox, port=port), running_app({**settings, **more}) as running:
        yield Town(running, inbox)


def at_once(function: Callable[[int], requests.Response], times: int = AT_ONCE) -> list[requests.Response]:
    """Call the function in that many threads at the same moment, and return the results."""
    barrier = Barrier(times)

    def call(number: int) -> requests.Response:
        barrier.wait(30)
        return function(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(call, range(times)))


def sessions(responses: list[requests.Response]) -> int:
    """Return the number of sessions that the responses have started."""
    assert all(response.status_code < 500 for response in responses), Counter(r.status_code for r in responses)
    return sum(bool(response.cookies.get(COOKIE)) for response in responses)
