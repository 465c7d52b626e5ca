"""Time until the user menu is there: `python -m bench.pageload [--quick] [--with-next]`.

Loads the dashboard of the reference application and a bare Flask page with htmx 4 and a menu, both on granian, in
headless Chromium with an empty cache, each from a page of another site. The pages take turns in each round. Prints
Markdown tables of medians, and the bytes of each response.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Browser

from bench import granian
from bench.granian import Server
from bench.load.__main__ import machine
from bench.load.growth import spread
from bench.load.stores import Size, sqlite_store
from bench.pageload.browser import FAST, SLOW, Condition, Load, chromium, load
from bench.peers.servers import NODE_PEERS, run_peer
from bench.served import free_port

WARM_UP = 40
"""Requests for each page on connections of their own, so that each worker has rendered it before it is measured."""

BARE = "bare page, htmx 4 and a menu"
OURS = {"Genkan, dashboard": "/dashboard", "Genkan, page of a shared cache, which fetches its menu": "/about"}
NEXT = {"Next.js, `auth()`": "/server", "Next.js, `useSession`": "/client"}


@dataclass(frozen=True)
class Page:
    """URL of a page, and the cookies of a user who is signed in."""

    url: str
    cookie: str


def main() -> None:
    """Run the servers and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.pageload", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, to check that everything works")
    parser.add_argument("--with-next", action="store_true", help="measure the two pages of Next.js in bench/peers, too")
    arguments = parser.parse_args()
    # SIGTERM must stop the servers that the benchmark started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.umask(0o077)
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder, pages(folder, arguments.with_next) as found, chromium() as browser:
        for line in _report(browser, found, 1 if arguments.quick else 5):
            print(line, flush=True)


@contextmanager
def pages(folder: str, with_next: bool) -> Iterator[dict[str, Page]]:
    """Run the servers, and yield their pages."""
    with ExitStack() as stack:
        port = free_port()
        bare = stack.enter_context(_serving("bench.pageload.bare:create_app", port, {}))
        store = sqlite_store(folder, Size(), {})
        ours = stack.enter_context(_serving("app:create_app", store.port, store.environment))
        found = {BARE: Page(f"{bare.origin}/dashboard", "")}
        found |= {name: Page(ours.origin + path, store.cookies[0]) for name, path in OURS.items()}
        if with_next:
            peer = next(peer for peer in NODE_PEERS if peer.name == "next-auth")
            target = stack.enter_context(run_peer(folder, peer, reissue=True))
            found |= {name: Page(target.server.origin + path, target.cookie) for name, path in NEXT.items()}
        yield found


@contextmanager
def _serving(target: str, port: int, environment: Mapping[str, str]) -> Iterator[Server]:
    command = granian.command(target, port, workers=2)
    with granian.running(target, command, port, environment) as server:
        yield server


def _report(browser: Browser, found: Mapping[str, Page], rounds: int) -> Iterator[str]:
    for page in found.values():
        for _ in range(WARM_UP):
            requests.get(
                page.url, headers={"Cookie": page.cookie, "Connection": "close"}, timeout=30
            ).raise_for_status()
    _turn(browser, found, FAST)
    yield "\n| page | menu, ms | times as late (<= 1.15) | load event, ms | times as late (<= 1.3) | requests (<= 6) | bytes (<= 18,000) |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for condition in (FAST, SLOW):
        yield f"| **{condition.name}** | | | | | | |"
        loads = [_turn(browser, found, condition) for _ in range(rounds)]
        yield from (_row(name, loads) for name in found)
    yield "\n| page | response | bytes with headers |\n| --- | --- | --- |"
    for name in found:
        yield from (f"| {name} | `{path}` | {size:,} |" for path, size in loads[-1][name].bytes)


def _turn(browser: Browser, found: Mapping[str, Page], condition: Condition) -> dict[str, Load]:
    # Another site than that of all pages, which are on 127.0.0.1.
    start = urlsplit(found[BARE].url)._replace(
        netloc=f"localhost:{urlsplit(found[BARE].url).port}", path="/health/live"
    )
    return {name: load(browser, page.url, page.cookie, condition, start.geturl()) for name, page in found.items()}


def _row(name: str, loads: Sequence[Mapping[str, Load]]) -> str:
    menu, loaded = median(one[name].menu for one in loads), median(one[name].load for one in loads)
    later = spread(one[name].menu / one[BARE].menu for one in loads)
    load_later = spread(one[name].load / one[BARE].load for one in loads)
    requests, size = median(len(one[name].bytes) for one in loads), median(one[name].total for one in loads)
    return f"| {name} | {menu:.0f} | {later} | {loaded:.0f} | {load_later} | {requests:.0f} | {size:,.0f} |"


if __name__ == "__main__":
    main()
