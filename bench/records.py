"""What records and endings cost: a request's share, and whether a million sessions make anything slower or larger."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import Any

from flask import Flask
from sqlalchemy import text

from bench.application import PERSON, session_cookie
from bench.in_process import get, interleaved
from genkan.adapters.sessions import SessionRecord
from genkan.adapters.sqlalchemy import Database
from genkan.core import Core
from genkan.session.revocation_list import RevocationList
from genkan.session.strategies import DatabaseStrategy

LIVE, ENDED, PEOPLE = 1_000_000, 100_000, 10_000
DAY = 24 * 3600
TIMES = 200


class Silent:
    """In place of the endings: asks nobody, knows nothing."""

    version = 0

    def current(self) -> int:
        """Always the same."""
        return 0

    def judge(self, _token: object, _signed_in_at: float) -> None:
        """Nothing ever ends."""


def measure(app: Flask, database_url: str) -> Iterator[str]:
    """Rows of a Markdown table."""
    yield from _share(app, "with nothing ended")
    database = Database(database_url)
    empty = _questions(app)
    _fill(database)
    full = _questions(app)
    yield from _snapshot(app)
    yield from _share(app, f"with {ENDED:,} ended")
    for name in full:
        yield f"| {name}, {LIVE:,} sessions against none | {full[name]:.0f} against {empty[name]:.0f} µs | |"
    yield from _database_strategy(app)
    database.close()


def _share(app: Flask, when: str) -> Iterator[str]:
    """A route that asks, with the endings and without, in one interleaved run."""
    house, cookie = app.extensions["genkan"], session_cookie(app)
    given = house.core
    without = replace(given, sessions=replace(given.sessions, revocations=Silent()))

    def ask(options: Core) -> Callable[[], None]:
        def act() -> None:
            house.core = options
            get(app, "/asks/1", cookie)

        return act

    times = interleaved({"with": ask(given), "without": ask(without), "bare": lambda: get(app, "/asks/0", cookie)})
    house.core = given
    shares = [
        (one - other) / bare for one, other, bare in zip(times["with"], times["without"], times["bare"], strict=True)
    ]
    yield f"| endings on a request {when}, share of a bare route | {median(shares):+.1%} | <= +2 % |"


def _snapshot(app: Flask) -> Iterator[str]:
    """A worker's first look at everything that has ended, once for the time and once for what it holds."""
    options: Core = app.extensions["genkan"].core
    started = time.perf_counter()
    RevocationList(options.sessions.store, options.clock).refresh()
    took = time.perf_counter() - started
    tracemalloc.start()
    snapshot = RevocationList(options.sessions.store, options.clock)
    snapshot.refresh()
    holds, peak = (size / 2**20 for size in tracemalloc.get_traced_memory())
    tracemalloc.stop()
    yield (
        f"| a worker's first snapshot of {len(snapshot):,} endings | "
        f"{took:.2f} s, {holds:.1f} MiB held, {peak:.1f} MiB at its peak | |"
    )


def _questions(app: Flask) -> dict[str, float]:
    """Microseconds of what is asked of the database now and then, medians."""
    store = app.extensions["genkan"].core.sessions.store
    mark = max([ending.mark for ending in _all_endings(store)], default=0)
    now = int(time.time())
    acts: dict[str, Callable[[], object]] = {
        "asking what is new": lambda: store.endings_after(mark, 100),
        "listing somebody's sessions": lambda: store.live("person 1", now),
        "looking a token up by its hash": lambda: store.by_token("no such hash", now),
        "noting that a session was seen": lambda: store.touch("session 7", now, every=0),
    }
    return {name: median(_timed(act)) for name, act in acts.items()}


def _all_endings(store: Any) -> Iterator[Any]:
    mark = 0
    while news := store.endings_after(mark, 5000):
        yield from news
        mark = news[-1].mark


def _timed(act: Callable[[], object]) -> Iterator[float]:
    for _ in range(TIMES):
        started = time.perf_counter()
        act()
        yield (time.perf_counter() - started) * 1e6


def _fill(database: Database) -> None:
    now = int(time.time())
    people = [{"id": f"person {n}", "email": f"{n}@example.com"} for n in range(PEOPLE)]
    session = (
        "INSERT INTO genkan_sessions (id, user_id, provider, created, last_seen, expires, absolute_expires, device, token_hash)"
        " VALUES (:id, :user, 'bench', :now, :now, :now + 2592000, :now + 7776000, 'a bench', :id)"
    )
    rows = ({"id": f"session {n}", "user": f"person {n % PEOPLE}", "now": now} for n in range(LIVE))
    ending = "INSERT INTO revocations (kind, subject, at, until) VALUES ('session', :subject, :now, :until)"
    endings = [{"subject": f"ended {n}", "now": now, "until": now + n % 90 * DAY} for n in range(ENDED)]
    database.run(lambda s: s.execute(text("INSERT INTO users (id, email) VALUES (:id, :email)"), people))
    database.run(lambda s: s.execute(text(session), list(rows)))
    database.run(lambda s: s.execute(text(ending), endings))


def _database_strategy(app: Flask) -> Iterator[str]:
    """The same route where the session is kept in the database, beside the sealed one."""
    house, cookie = app.extensions["genkan"], session_cookie(app)
    given: Core = house.core
    strategy = DatabaseStrategy(given.sessions.store, given.clock)
    stored = replace(given, sessions=replace(given.sessions, strategy=strategy))
    opaque = f"{given.cookie_names.session}={_start(stored)}"

    def ask(options: Core, header: str) -> Callable[[], None]:
        def act() -> None:
            house.core = options
            get(app, "/asks/1", header)

        return act

    times = interleaved({"jwt": ask(given, cookie), "database": ask(stored, opaque)})
    house.core = given
    more = median(one - other for one, other in zip(times["database"], times["jwt"], strict=True))
    yield f"| `auth()` with the database strategy (SQLite) over the jwt strategy | {more:+.0f} µs | |"


def _start(options: Core) -> str:
    now = int(time.time())
    claims = {**PERSON, "sub": "person 1", "sid": "a bench's own", "auth_time": now}
    record = SessionRecord(
        id="a bench's own",
        user_id="person 1",
        provider="bench",
        created=now,
        last_seen=now,
        expires=now + 30 * DAY,
        absolute_expires=now + 90 * DAY,
        device="a bench",
    )
    return options.sessions.strategy.create(claims, 30 * DAY, record)[0]
