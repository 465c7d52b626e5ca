"""Comparison of WSGI servers on the application's routes: `python -m bench.servers`.

Prints Markdown tables. Every figure is the median of rounds in which the servers take turns. The load average shows
other load on the machine. docs/server.md quotes the results.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version
from statistics import median
from typing import TypeVar

from bench.contenders import CONTENDERS, Contender, all_running
from bench.served import require_wrk
from bench.slow_requests import CALLBACKS, SLOW_CLIENTS, Callback, Probes, SlowClients, hang, probe, reads_session
from bench.wrk import Load, load
from deploy import serve
from tests.servers.faulty.provider import FaultyProvider

Found = TypeVar("Found")

ROUTES = ("/health/live", "/api/auth/session", "/dashboard", "/partials/user-menu")
MEASURED_CHUNKS = (3, 4, 5)
TRIED_CHUNKS = (6, 7, 8, 9, 12, 16)
"""Numbers of cookies that are only tested, not measured. `genkan.http.cookies` joins at most 16."""


def main() -> None:
    """Run the servers at the same time, measure them, and stop them."""
    arguments = _arguments()
    require_wrk()
    # SIGTERM must stop the servers that the benchmark started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.umask(0o077)
    with tempfile.TemporaryDirectory() as folder, FaultyProvider() as provider:
        variables = {"ID": provider.client_id, "SECRET": provider.client_secret, "ISSUER": provider.issuer}
        environment = {f"AUTH_OIDC_{name}": value for name, value in variables.items()}
        with all_running(folder, environment, arguments.servers, arguments.threads) as servers:
            for line in _report(servers, provider, arguments):
                print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.servers", description=__doc__)
    parser.add_argument("--servers", nargs="+", default=CONTENDERS, choices=CONTENDERS, help="the first is the base")
    parser.add_argument("--threads", type=int, default=serve.THREADS, help="threads of each worker")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of wrk, 0 for none")
    parser.add_argument("--hanging-rounds", type=int, default=3, help="rounds with waiting callbacks, 0 for none")
    parser.add_argument("--seconds", type=int, default=2, help="duration of each run of wrk")
    parser.add_argument("--connections", type=int, default=8, help="connections of wrk")
    return parser.parse_args()


def _report(servers: Sequence[Contender], provider: FaultyProvider, arguments: argparse.Namespace) -> Iterator[str]:
    yield f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, "
    yield f"gunicorn {version('gunicorn')}, granian {version('granian')}, {arguments.threads} threads"
    yield _load_average("before")
    if arguments.rounds:
        yield from _speed(servers, arguments)
        yield from _long_cookies(servers, arguments)
        yield _load_average("after the runs of wrk")
    if arguments.hanging_rounds:
        yield from _slow_requests(servers, provider, arguments.hanging_rounds)
        yield _load_average("after the callbacks")


def _load_average(when: str) -> str:
    return f"\nLoad average {when}: {', '.join(f'{load:.2f}' for load in os.getloadavg())}\n"


def _speed(servers: Sequence[Contender], arguments: argparse.Namespace) -> Iterator[str]:
    """Yield requests per second of each route, and the ratio to the first server in the same round."""
    for server in servers:
        _ = [load(server.origin + route, server.cookies.default, 1, arguments.connections) for route in ROUTES]
    yield from _head("route", "server", "req/s", "against the first", "p50 ms", "p99 ms", "slowest and fastest round")
    for route in ROUTES:

        def run(server: Contender, route: str = route) -> Load:
            return load(server.origin + route, server.cookies.default, arguments.seconds, arguments.connections)

        yield from _compared(f"`{route}`", _taking_turns(servers, arguments.rounds, run))
    yield f"\nMiB per worker now: {', '.join(f'{server.name} {server.memory():.0f}' for server in servers)}"


def _long_cookies(servers: Sequence[Contender], arguments: argparse.Namespace) -> Iterator[str]:
    """Yield whether the session route reads a session in many cookies, and its requests per second."""
    yield "\n"
    yield from _head("full cookies", "bytes", *(server.name for server in servers))
    for count in (*MEASURED_CHUNKS, *TRIED_CHUNKS):
        cookies = {server.name: server.cookies.of_chunks(count) for server in servers}
        results = ["read" if reads_session(server, cookies[server.name]) else "**not** read" for server in servers]
        yield f"| {count} | {len(next(iter(cookies.values())))} | {' | '.join(results)} |"
    yield "\n"
    yield from _head(
        "full cookies", "server", "req/s", "against the first", "p50 ms", "p99 ms", "slowest and fastest round"
    )
    for count in MEASURED_CHUNKS:
        cookies = {server.name: server.cookies.of_chunks(count) for server in servers}

        def run(server: Contender, cookies: dict[str, str] = cookies) -> Load:
            return load(
                f"{server.origin}/api/auth/session", cookies[server.name], arguments.seconds, arguments.connections
            )

        yield from _compared(str(count), _taking_turns(servers, arguments.rounds, run))


def _slow_requests(servers: Sequence[Contender], provider: FaultyProvider, rounds: int) -> Iterator[str]:
    """Yield the latencies of probes, and the results of the waiting callbacks."""
    yield from _head(
        "meanwhile", "server", "p50 ms", "p99 ms", "max ms", "failed", "callbacks with an error page in time", "longest"
    )
    alone = _taking_turns(servers, rounds, probe)
    yield from (_row("nothing", name, found, []) for name, found in alone.items())
    provider.faults.token = "hang"
    for slow_clients in SLOW_CLIENTS:

        def run(server: Contender, slow_clients: Sequence[SlowClients] = slow_clients) -> tuple[Probes, list[Callback]]:
            return hang(server, provider, slow_clients)

        meanwhile = f"{CALLBACKS} callbacks wait{''.join(f', {each.description}' for each in slow_clients)}"
        for name, found in _taking_turns(servers, rounds, run).items():
            yield _row(meanwhile, name, [probes for probes, _ in found], [end for _, ends in found for end in ends])


def _row(meanwhile: str, name: str, found: Sequence[Probes], ends: Sequence[Callback]) -> str:
    p50, p99 = (median(probes.quantile(part) for probes in found) for part in (0.5, 0.99))
    most = max(probes.times[-1] for probes in found)
    failed = f"{sum(probes.failures for probes in found)} of {sum(len(probes.times) for probes in found)}"
    in_time = f"{sum(end.in_time for end in ends)} of {len(ends)}" if ends else ""
    longest = f"{max(end.seconds for end in ends):.1f} s" if ends else ""
    return f"| {meanwhile} | {name} | {p50:.1f} | {p99:.1f} | {most:.0f} | {failed} | {in_time} | {longest} |"


def _taking_turns(
    servers: Sequence[Contender], rounds: int, function: Callable[[Contender], Found]
) -> dict[str, list[Found]]:
    """Call `function` for each server in each round and return the results. Each round starts with another server."""
    found: dict[str, list[Found]] = {server.name: [] for server in servers}
    for number in range(rounds):
        first = number % len(servers)
        for server in (*servers[first:], *servers[:first]):
            found[server.name].append(function(server))
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
