"""Which server? The application's own routes under each of them: `python -m bench.servers [--granian PYTHON]`.

Prints Markdown tables. Every figure is a median of rounds in which the servers take turns; the load average says how
busy the machine was. docs/server.md quotes it.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from statistics import median
from typing import TypeVar

from bench.contenders import Contender, all_running
from bench.patience import CALLBACKS, CROWDS, Callback, Crowd, Probes, hang, is_known, probe
from bench.served import require_wrk
from bench.wrk import Load, load
from tests.servers.faulty.provider import FaultyProvider

Found = TypeVar("Found")

ROUTES = ("/health/live", "/api/auth/session", "/dashboard", "/partials/user-menu")
MEASURED_CHUNKS = (3, 4, 5)
TRIED_CHUNKS = (6, 7, 8, 9, 12, 16)
"""Only asked whether they are read: 16 full ones are the most that `genkan.http.cookies` joins."""


def main() -> None:
    """Starts the servers beside each other, measures, and ends them."""
    asked = _arguments()
    require_wrk()
    # Ended from outside, the servers that were started here are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as folder, FaultyProvider() as provider:
        variables = {"ID": provider.client_id, "SECRET": provider.client_secret, "ISSUER": provider.issuer}
        environment = {f"AUTH_OIDC_{name}": value for name, value in variables.items()}
        with all_running(folder, environment, asked.granian) as servers:
            for line in _report(servers, provider, asked):
                print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.servers", description=__doc__)
    parser.add_argument(
        "--granian", metavar="PYTHON", help="a Python with granian and requirements.txt; without it there is no granian"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of the runs of wrk, or 0")
    parser.add_argument("--hanging-rounds", type=int, default=3, help="of those in which callbacks hang, or 0")
    parser.add_argument("--seconds", type=int, default=2, help="that each run of wrk takes")
    parser.add_argument("--connections", type=int, default=8, help="that wrk keeps")
    return parser.parse_args()


def _report(servers: Sequence[Contender], provider: FaultyProvider, asked: argparse.Namespace) -> Iterator[str]:
    yield f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {_versions(asked)}"
    yield _load_average("before")
    if asked.rounds:
        yield from _speed(servers, asked)
        yield from _long_cookies(servers, asked)
        yield _load_average("after the runs of wrk")
    if asked.hanging_rounds:
        yield from _patience(servers, provider, asked.hanging_rounds)
        yield _load_average("after the callbacks")


def _versions(asked: argparse.Namespace) -> str:
    gunicorn = f"gunicorn {version('gunicorn')}"
    if asked.granian is None:
        return f"{gunicorn}; no granian, since no --granian says where it is"
    command = [asked.granian, "-m", "granian", "--version"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return f"{gunicorn}, granian {printed.split()[-1]}"


def _load_average(when: str) -> str:
    return f"\nLoad average {when}: {', '.join(f'{load:.2f}' for load in os.getloadavg())}\n"


def _speed(servers: Sequence[Contender], asked: argparse.Namespace) -> Iterator[str]:
    """Requests per second of each route, and how that compares round by round with the first server."""
    for server in servers:
        _ = [load(server.origin + route, server.cookies.usual, 1, asked.connections) for route in ROUTES]
    yield from _head("route", "server", "req/s", "against gunicorn", "p50 ms", "p99 ms", "slowest and fastest round")
    for route in ROUTES:

        def run(server: Contender, route: str = route) -> Load:
            return load(server.origin + route, server.cookies.usual, asked.seconds, asked.connections)

        yield from _compared(f"`{route}`", _taking_turns(servers, asked.rounds, run))
    yield f"\nMiB per worker now: {', '.join(f'{server.name} {server.memory():.0f}' for server in servers)}"


def _long_cookies(servers: Sequence[Contender], asked: argparse.Namespace) -> Iterator[str]:
    """The session route with a session in many cookies: whether it is read, and how fast."""
    yield "\n"
    yield from _head("full cookies", "bytes", *(server.name for server in servers))
    for count in (*MEASURED_CHUNKS, *TRIED_CHUNKS):
        cookies = {server.name: server.cookies.of_chunks(count) for server in servers}
        known = [
            "the right session" if is_known(server, cookies[server.name]) else "**not** read" for server in servers
        ]
        yield f"| {count} | {len(next(iter(cookies.values())))} | {' | '.join(known)} |"
    yield "\n"
    yield from _head(
        "full cookies", "server", "req/s", "against gunicorn", "p50 ms", "p99 ms", "slowest and fastest round"
    )
    for count in MEASURED_CHUNKS:
        cookies = {server.name: server.cookies.of_chunks(count) for server in servers}

        def run(server: Contender, cookies: dict[str, str] = cookies) -> Load:
            return load(f"{server.origin}/api/auth/session", cookies[server.name], asked.seconds, asked.connections)

        yield from _compared(str(count), _taking_turns(servers, asked.rounds, run))


def _patience(servers: Sequence[Contender], provider: FaultyProvider, rounds: int) -> Iterator[str]:
    """What others notice, and how the callbacks end."""
    yield from _head("meanwhile", "server", "p50 ms", "p99 ms", "max ms", "failed", "callbacks told in time", "longest")
    alone = _taking_turns(servers, rounds, probe)
    yield from (_noticed("nothing", name, found, []) for name, found in alone.items())
    provider.faults.token = "hang"
    for crowd in (None, *CROWDS):

        def run(server: Contender, crowd: Crowd | None = crowd) -> tuple[Probes, list[Callback]]:
            return hang(server, provider, crowd)

        meanwhile = f"{CALLBACKS} callbacks hang{f', {crowd.what}' if crowd else ''}"
        for name, found in _taking_turns(servers, rounds, run).items():
            yield _noticed(meanwhile, name, [probes for probes, _ in found], [end for _, ends in found for end in ends])


def _noticed(meanwhile: str, name: str, found: Sequence[Probes], ends: Sequence[Callback]) -> str:
    p50, p99 = (median(probes.quantile(part) for probes in found) for part in (0.5, 0.99))
    most = max(probes.times[-1] for probes in found)
    failed = f"{sum(probes.failures for probes in found)} of {sum(len(probes.times) for probes in found)}"
    told = f"{sum(end.in_time for end in ends)} of {len(ends)}" if ends else ""
    longest = f"{max(end.seconds for end in ends):.1f} s" if ends else ""
    return f"| {meanwhile} | {name} | {p50:.1f} | {p99:.1f} | {most:.0f} | {failed} | {told} | {longest} |"


def _taking_turns(
    servers: Sequence[Contender], rounds: int, act: Callable[[Contender], Found]
) -> dict[str, list[Found]]:
    """What each server did, round by round; another one begins each round."""
    found: dict[str, list[Found]] = {server.name: [] for server in servers}
    for number in range(rounds):
        first = number % len(servers)
        for server in (*servers[first:], *servers[:first]):
            found[server.name].append(act(server))
    return found


def _compared(what: str, found: dict[str, list[Load]]) -> Iterator[str]:
    base = next(iter(found.values()))
    for name, loads in found.items():
        ratio = median(one.rate / other.rate for one, other in zip(loads, base, strict=True))
        rate, p50, p99 = (median(figures) for figures in zip(*loads, strict=True))
        slowest, fastest = min(one.rate for one in loads), max(one.rate for one in loads)
        span = f"{slowest:,.0f} to {fastest:,.0f}"
        yield f"| {what} | {name} | {rate:,.0f} | {ratio:.2f} | {p50:.1f} | {p99:.1f} | {span} |"


def _head(*names: str) -> Iterable[str]:
    return f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"


if __name__ == "__main__":
    main()
