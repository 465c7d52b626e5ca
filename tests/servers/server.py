"""Application under a real server, and clients that open a new connection for every request."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from genkan.settings.environment import ROOT
from tests.servers.process import Process, free_port, wait_for_port

SERVERS = {"granian": "Started worker", "gunicorn": "Booting worker"}
"""The values of GENKAN_SERVER, and what each logs when a worker starts."""

SERVE = ["-OO", "-m", "deploy.serve"]
"""What `make serve` runs."""


@dataclass(frozen=True)
class Server:
    """Running server and its origin."""

    process: Process
    origin: str

    @property
    def port(self) -> int:
        """Return the port of the server."""
        return int(self.origin.rpartition(":")[2])


class ServerClient(requests.Session):
    """Client that opens a new connection for every request, so that any worker may answer it."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.trust_env = False
        self.origin = origin
        self.headers["Connection"] = "close"

    def ask(self, method: str, path: str, **request: object) -> requests.Response:
        """Send a request without following redirects."""
        return self.request(method, urljoin(self.origin, path), allow_redirects=False, timeout=20, **request)  # type: ignore[arg-type]  # passed on unchanged

    def start(self, provider: str = "oidc") -> str:
        """Submit the sign-in form and return the URL of the redirect, the authorization request."""
        token = self.ask("GET", "/api/auth/csrf").json()["csrfToken"]
        fields = {"csrfToken": token, "callbackUrl": "/dashboard"}
        return self.ask("POST", f"/api/auth/signin/{provider}", data=fields).headers["Location"]

    def sign_in_as_hana(self) -> None:
        """Sign in as Hana Example at the development provider."""
        self.sign_in_as("Hana Example")

    def sign_in_as(self, name: str) -> None:
        """Sign in as a user of the development provider."""
        url = self.start("development")
        # As every browser sends it.
        kept = {"Connection": "keep-alive"}
        page = self.ask("GET", url, headers=kept).text
        form = next(form for form in re.findall(r"<form.*?</form>", page, re.DOTALL) if name in form)
        fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', form)}
        self.ask("GET", self.ask("POST", urlsplit(url).path, data=fields, headers=kept).headers["Location"])

    def name(self) -> str | None:
        """Return the name of the signed-in user, or None."""
        session = self.ask("GET", "/api/auth/session").json()
        return session and str(session["user"]["name"])


def environment(folder: Path) -> dict[str, str]:
    """Return the settings of a server with a free port and with its database in `folder`."""
    port = free_port()
    return {
        "PATH": os.environ["PATH"],
        "AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-",
        "AUTH_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:///{folder}/test.db",
        "PORT": str(port),
    }


def alone(command: list[str], settings: dict[str, str], folder: Path = ROOT) -> list[str]:
    """Return the command for this Python in `folder` with these settings alone, without the environment of the tests."""
    values = (f"{name}={value}" for name, value in settings.items())
    return ["env", f"--chdir={folder}", "-i", *values, sys.executable, *command]


@contextmanager
def serving(
    command: list[str], settings: dict[str, str], ready: str | None = None, folder: Path = ROOT
) -> Iterator[Server]:
    """Run a server in `folder` with these settings alone, without the environment of the tests.

    `ready` is in what it prints when it starts to listen. By default the server is that of GENKAN_SERVER.
    """
    process = Process(alone(command, settings, folder), ready or SERVERS[settings.get("GENKAN_SERVER", "granian")])
    process.start()
    try:
        wait_for_port(int(settings["PORT"]))
        yield Server(process, settings["AUTH_URL"])
    finally:
        process.stop()
