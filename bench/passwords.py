"""Sign-ins by password of 16 users at once, with a light route meanwhile: `python -m bench.passwords`.

Prints Markdown: sign-ins a second, the latency of a sign-in, that of the light route at a constant rate, and the memory
of the largest worker before, meanwhile and afterwards.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPConnection
from threading import Event
from typing import NamedTuple
from urllib.parse import urlencode

from app import create_app
from bench.granian import Server
from bench.load.clients import Responses, require, send_at
from bench.load.steady import serving
from bench.load.stores import Size, Store, sqlite_store
from genkan.types import User

PASSWORD = "umbrella-lantern-violet-14"
VARIABLES = {
    "AUTH_PASSWORDS": "on",
    "AUTH_EMAIL_SERVER": "smtp://127.0.0.1:9?starttls=off",
    "AUTH_EMAIL_FROM": "login@example.com",
}
"""No mail is sent, so that no server has to be there."""

LIGHT = "/api/auth/session"
LIGHT_RATE = 50


class SignIn(NamedTuple):
    """Milliseconds of one sign-in, and whether it succeeded."""

    milliseconds: float
    succeeded: bool


def main() -> None:
    """Run the server, measure it, and stop it."""
    arguments = _arguments()
    require("h2load")
    with tempfile.TemporaryDirectory() as folder:
        store = sqlite_store(folder, Size(active=100, revoked=0), VARIABLES)
        addresses = _create_users(store.environment, arguments.users)
        with serving(store, arguments.workers) as server:
            for line in _report(server, store, addresses, arguments):
                print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.passwords", description=__doc__)
    parser.add_argument("--users", type=int, default=16, help="users who sign in at once, each again and again")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--quick", action="store_true", help="run for three seconds")
    return parser.parse_args()


def _create_users(environment: Mapping[str, str], number: int) -> list[str]:
    """Create users with the same password and return their addresses."""
    passwords = create_app(environment).extensions["genkan"].core.passwords
    hash = passwords.hasher.hash(PASSWORD)
    addresses = [f"signs-in-{index}@example.com" for index in range(number)]
    for index, address in enumerate(addresses):
        user = User(id=f"signs-in-{index}", email=address, email_verified=datetime.now(UTC))
        passwords.store.prove(user, {}, password=hash)
    return addresses


def _report(server: Server, store: Store, addresses: list[str], arguments: argparse.Namespace) -> Iterator[str]:
    seconds = 3.0 if arguments.quick else arguments.seconds
    idle, cookie = server.memory(), store.cookies[0]
    alone = send_at(LIGHT_RATE, server, cookie, min(5.0, seconds), LIGHT)
    stop, started = Event(), time.monotonic()
    with ThreadPoolExecutor(len(addresses)) as pool:
        running = [pool.submit(_sign_in_until, stop, server.port, address) for address in addresses]
        try:
            light = send_at(LIGHT_RATE, server, cookie, seconds, LIGHT)
            meanwhile = server.memory()
        finally:
            stop.set()
        signed_in = [sign_in for future in running for sign_in in future.result()]
    elapsed = time.monotonic() - started
    times = sorted(sign_in.milliseconds for sign_in in signed_in if sign_in.succeeded) or [0.0]
    yield "| users at once | sign-ins a second | sign-in p50 / p95 ms | refused | light p50 / p95 ms | light alone | MiB a worker |"
    yield f"|{' --- |' * 7}"
    yield (
        f"| {len(addresses)} | {len(times) / elapsed:.0f} | {_quantile(times, 0.5):.0f} / {_quantile(times, 0.95):.0f} "
        f"| {sum(not sign_in.succeeded for sign_in in signed_in)} | {_light(light)} | {_light(alone)} "
        f"| {idle:.0f} before, {meanwhile:.0f} meanwhile, {server.memory():.0f} after |"
    )
    yield f"\nErrors of the light route: {light.errors} of {light.requests}. Target: its p95 below 400 ms."


def _light(responses: Responses) -> str:
    p50, p95 = responses.quantiles(0.5, 0.95)
    return f"{p50:.1f} / {p95:.1f}"


def _quantile(times: list[float], part: float) -> float:
    return times[min(len(times) - 1, int(len(times) * part))]


def _sign_in_until(stop: Event, port: int, address: str) -> list[SignIn]:
    """Sign in again and again, each time as a new browser, and return the results."""
    connection, found = HTTPConnection("127.0.0.1", port, timeout=30), []
    while not stop.is_set():
        connection.request("GET", "/api/auth/csrf")
        response = connection.getresponse()
        token = json.loads(response.read())["csrfToken"]
        cookie = "; ".join(each.partition(";")[0] for each in response.headers.get_all("Set-Cookie", []))
        form = {"email": address, "password": PASSWORD, "csrfToken": token, "callbackUrl": "/"}
        headers = {
            "Cookie": cookie,
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Auth-Return-Redirect": "1",
        }
        started = time.perf_counter()
        connection.request("POST", "/api/auth/callback/credentials", urlencode(form), headers)
        response = connection.getresponse()
        body = response.read()
        milliseconds = (time.perf_counter() - started) * 1000
        found.append(SignIn(milliseconds, response.status == 200 and b"error=" not in body))
    return found


if __name__ == "__main__":
    main()
