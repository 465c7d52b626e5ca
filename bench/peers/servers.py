"""Compared servers, each with one process that serves requests, and the Cookie header of a user who is signed in."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from bench import granian
from bench.granian import Server
from bench.load.stores import Size, sqlite_store
from bench.peers import install, sign_in
from bench.served import free_port

EMAIL = "@example.com"


@dataclass(frozen=True)
class Peer:
    """A library, and how many times as fast the session route of Genkan has to be."""

    name: str
    target: float | None
    path: str
    sign_in: Callable[[str], str]
    program: str
    """Module below bench/peers/python, or file for Node.js."""
    reissue: tuple[bool, ...] = (False, True)
    """What it can be set to: not to re-issue the session at every reading, and to do so."""
    variables: tuple[tuple[str, str], ...] = ()


PYTHON_PEERS = (
    Peer("Flask-Login", 2, "/session", sign_in.with_form, "with_flask_login"),
    Peer("Flask-Security", None, "/session", sign_in.with_form, "with_flask_security"),
)
NODE_PEERS = (
    Peer("@auth/express", 9, "/api/auth/session", sign_in.with_authjs, "auth-express.mjs", reissue=(True,)),
    Peer(
        "next-auth",
        20,
        "/api/auth/session",
        sign_in.with_authjs,
        "next/.next/standalone/next/server.js",
        reissue=(True,),
    ),
    Peer("Better Auth", 12, "/api/auth/get-session", sign_in.with_better_auth, "better-auth.mjs"),
    Peer(
        "Better Auth, cookie cache",
        None,
        "/api/auth/get-session",
        sign_in.with_better_auth,
        "better-auth.mjs",
        reissue=(False,),
        variables=(("COOKIE_CACHE", "1"),),
    ),
)


@dataclass(frozen=True)
class Target:
    """Route of a running server, and the cookies to request it with."""

    server: Server
    path: str
    cookie: str


@contextmanager
def running(folder: str, peers: tuple[Peer, ...]) -> Iterator[dict[tuple[str, bool], Target]]:
    """Run everything. The keys are the name, and whether sessions are re-issued at every reading."""
    with ExitStack() as stack:
        targets = {("bare Flask route", False): stack.enter_context(_bare())}
        for reissue in (False, True):
            targets["Genkan", reissue] = stack.enter_context(_genkan(folder, reissue))
        for peer in peers:
            for reissue in peer.reissue:
                targets[peer.name, reissue] = stack.enter_context(run_peer(folder, peer, reissue))
        yield targets


@contextmanager
def _bare() -> Iterator[Target]:
    port = free_port()
    command = granian.command("bench.plain:create_app", port, workers=1)
    with granian.running("bare Flask route", command, port, {}, path="/json") as server:
        yield Target(server, "/json", "")


@contextmanager
def _genkan(folder: str, reissue: bool) -> Iterator[Target]:
    store = sqlite_store(folder, Size(), {"AUTH_SESSION_UPDATE_AGE": "0"} if reissue else {})
    command = granian.command("app:create_app", store.port, workers=1)
    with granian.running("Genkan", command, store.port, store.environment) as server:
        yield _signed_in(server, "/api/auth/session", store.cookies[0], reissue=reissue)


@contextmanager
def run_peer(folder: str, peer: Peer, reissue: bool) -> Iterator[Target]:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    environment = {
        "PORT": str(port),
        "HOSTNAME": "127.0.0.1",
        "AUTH_URL": origin,
        "AUTH_SECRET": secrets.token_urlsafe(48),
        "AUTH_TRUST_HOST": "1",
        "DATABASE_URL": f"sqlite:///{folder}/{port}.db",
        "NODE_ENV": "production",
        "REISSUE": str(int(reissue)),
        **dict(peer.variables),
    }
    command, path, cwd = _command(peer, port)
    with granian.running(peer.name, command, port, environment, path=path, folder=cwd) as server:
        yield _signed_in(server, peer.path, peer.sign_in(origin), reissue=reissue)


def _command(peer: Peer, port: int) -> tuple[list[str], str, Path]:
    """Return the command, the path that shows that the server has started, and the working directory."""
    if peer in PYTHON_PEERS:
        target, python = f"{peer.program}:create_app", str(install.python())
        return granian.command(target, port, workers=1, python=python), "/health/live", install.SOURCES / "python"
    folder = install.node()
    return ["node", str(folder / peer.program)], peer.path, (folder / peer.program).parent


def _signed_in(server: Server, path: str, cookie: str, *, reissue: bool) -> Target:
    """Return the target. Exit if a response has no session, or re-issues the session although it should not."""
    for _ in range(3):
        answer = requests.get(server.origin + path, headers={"Cookie": cookie}, allow_redirects=False, timeout=30)
        if answer.status_code != 200 or EMAIL not in answer.text:
            sys.exit(f"genkan: {server.name} does not read the session: {answer.status_code} {answer.text[:200]}")
        if reissue != ("session" in answer.headers.get("Set-Cookie", "")):
            sys.exit(f"genkan: {server.name} {'does not re-issue' if reissue else 're-issues'} the session")
    return Target(server, path, cookie)
