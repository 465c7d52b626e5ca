"""Forms and sign-ins of many users, each from an address of its own because of the rate limit."""

from __future__ import annotations

import itertools

import requests

from genkan.types import User
from tests.revocation.running_app import COOKIE, RunningApp
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.server import ServerClient

_numbers = itertools.count(1)


class Forms:
    """Forms with one CSRF token, which is valid for every client that sends its cookie."""

    def __init__(self, running: RunningApp) -> None:
        self._running = running
        response = running.ask("", path="/api/auth/csrf")
        self.token = str(response.json()["csrfToken"])
        self.pair = f"authjs.csrf-token={response.cookies['authjs.csrf-token']}"

    def submit(self, path: str, cookie: str, **fields: str) -> requests.Response:
        """Submit a form with the session cookie."""
        headers = {"Cookie": f"{COOKIE}={cookie}; {self.pair}"}
        return self._running.ask(cookie, "POST", path, headers=headers, data={"csrfToken": self.token, **fields})

    def sign_out(self, cookie: str, **fields: str) -> requests.Response:
        """Submit the form of the sign-out."""
        return self.submit("/api/auth/signout", cookie, **fields)


def address() -> str:
    """Return an IP address that no other client has."""
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def sign_in(running: RunningApp, provider: FaultyProvider, name: str) -> str | None:
    """Sign in at the provider as the user with this subject. Return the session cookie, None if it was refused."""
    client = ServerClient(running.origin)
    client.headers["X-Forwarded-For"] = address()
    claims = {"sub": name, "name": name, "email": f"{name}@example.org"}
    client.ask("GET", provider.authorize(client.start(), claims))
    cookies = {cookie.name: cookie.value for cookie in client.cookies}
    return cookies.get(COOKIE)


def subject(user: User) -> str:
    """Return the subject at the provider of a user whom `RunningApp.sign_in` has created."""
    assert user.name is not None
    return user.name
