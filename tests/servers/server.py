"""The whole application under a real server, and visitors who open a new connection for every request."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import requests

from tests.servers.process import Process, free_port

READY = "Booting worker"


@dataclass(frozen=True)
class Server:
    """A running server, and where it is."""

    process: Process
    origin: str

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.origin.rpartition(":")[2])


class Visitor(requests.Session):
    """A browser that opens a new connection for every request, so that any worker may answer it."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.trust_env = False
        self.origin = origin
        self.headers["Connection"] = "close"

    def ask(self, method: str, path: str, **request: object) -> requests.Response:
        """One request, redirects not followed."""
        return self.request(method, urljoin(self.origin, path), allow_redirects=False, timeout=20, **request)  # type: ignore[arg-type]  # as given

    def start(self, provider: str = "oidc") -> str:
        """Press the button; where the browser is sent."""
        token = self.ask("GET", "/api/auth/csrf").json()["csrfToken"]
        fields = {"csrfToken": token, "callbackUrl": "/dashboard"}
        return self.ask("POST", f"/api/auth/signin/{provider}", data=fields).headers["Location"]

    def sign_in_as_hana(self) -> None:
        """All the way, through the development provider."""
        page = self.ask("GET", self.start("development")).text
        form = next(form for form in re.findall(r"<form.*?</form>", page, re.DOTALL) if "Hana Example" in form)
        fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', form)}
        self.ask("GET", self.ask("POST", "/development/authorize", data=fields).headers["Location"])

    def name(self) -> str | None:
        """Who is signed in."""
        session = self.ask("GET", "/api/auth/session").json()
        return session and str(session["user"]["name"])


def environment(folder: Path) -> dict[str, str]:
    """What any server here is given; its database is in `folder`."""
    port = free_port()
    return {
        "PATH": os.environ["PATH"],
        "AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-",
        "AUTH_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:///{folder}/house.db",
        "PORT": str(port),
    }


def alone(command: list[str], settings: dict[str, str]) -> list[str]:
    """A command of this Python's with these settings and nothing of the tests' own environment."""
    return ["env", "-i", *(f"{name}={value}" for name, value in settings.items()), sys.executable, *command]


@contextmanager
def serving(command: list[str], settings: dict[str, str], ready: str = READY) -> Iterator[Server]:
    """A server with these settings and nothing of the tests' own environment."""
    process = Process(alone(command, settings), ready)
    process.start()
    try:
        yield Server(process, settings["AUTH_URL"])
    finally:
        process.stop()
