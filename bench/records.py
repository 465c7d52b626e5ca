"""Cost of session records and revocations: share of a request, and time and memory with a million sessions."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

from flask import Flask
from sqlalchemy import text

from bench.application import CLAIMS, session_cookie
from bench.in_process import get, interleaved
from genkan.adapters.sessions import SessionRecord
from genkan.adapters.sqlalchemy import Database
from genkan.core import Core
from genkan.session.revocation_list import RevocationList
from genkan.session.strategies import DatabaseStrategy

ACTIVE, REVOKED, USERS = 1_000_000, 100_000, 10_000
DAY = 24 * 3600
TIMES = 200


class NoRevocations:
    """Replacement for the revocation list, without entries and without queries."""

    version = 0

    def refresh(self) -> int:
        """Return the constant version."""
        return 0

    def check(self, _token: object, _signed_in_at: float) -> None:
        """Return None, as no session is revoked."""


def measure(app: Flask, database_url: str) -> Iterator[str]:
    """Yield rows of a Markdown table."""
    yield from _share(app, "without entries")
    database = Database(database_url)
    empty = _queries(app)
    _fill(database)
    full = _queries(app)
    yield from _snapshot(app)
    yield from _share(app, f"with {REVOKED:,} entries")
    for name in full:
        yield f"| {name}, {ACTIVE:,} sessions against none | {full[name]:.0f} against {empty[name]:.0f} µs | |"
    yield from _database_strategy(app)
    database.close()


def _share(app: Flask, when: str) -> Iterator[str]:
    """Measure a route that reads the session, with and without the revocation list, in interleaved rounds."""
    state, cookie = app.extensions["genkan"], session_cookie(app)
    core = state.core
    without = replace(core, sessions=replace(core.sessions, revocations=NoRevocations()))

    def ask(options: Core) -> Callable[[], None]:
        def run() -> None:
            state.core = options
            get(app, "/auth-calls/1", cookie)

        return run

    times = interleaved({"with": ask(core), "without": ask(without), "bare": lambda: get(app, "/auth-calls/0", cookie)})
    state.core = core
    shares = [
        (one - other) / bare for one, other, bare in zip(times["with"], times["without"], times["bare"], strict=True)
    ]
    yield f"| revocation list {when}, share of a bare route | {median(shares):+.1%} | <= +2 % |"


def _snapshot(app: Flask) -> Iterator[str]:
    """Measure the first refresh of a worker's revocation list, once for the time and once for the memory."""
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
        f"| a worker's first refresh of {len(snapshot):,} revocations | "
        f"{took:.2f} s, {holds:.1f} MiB held, {peak:.1f} MiB at its peak | |"
    )


def _queries(app: Flask) -> dict[str, float]:
    """Return the median microseconds of occasional queries."""
    store = app.extensions["genkan"].core.sessions.store
    position = store.read_revocations("", lambda _: None).position
    now = int(time.time())
    queries: dict[str, Callable[[], object]] = {
        "new revocations": lambda: store.read_revocations(position, lambda _: None),
        "sessions of a user": lambda: store.list_active("user 1", now),
        "session by token hash": lambda: store.get_claims("no such hash", now),
        "last-seen time of a session": lambda: store.touch("session 7", now, min_interval=0),
    }
    return {name: median(_timed(run)) for name, run in queries.items()}


def _timed(run: Callable[[], object]) -> Iterator[float]:
    for _ in range(TIMES):
        started = time.perf_counter()
        run()
        yield (time.perf_counter() - started) * 1e6


def _fill(database: Database) -> None:
    now = int(time.time())
    users = [{"id": f"user {n}", "email": f"{n}@example.com"} for n in range(USERS)]
    session = (
        "INSERT INTO genkan_sessions (id, user_id, provider, created, last_seen, expires, absolute_expires, device, token_hash)"
        " VALUES (:id, :user, 'bench', :now, :now, :now + 2592000, :now + 7776000, 'benchmark', :id)"
    )
    rows = ({"id": f"session {n}", "user": f"user {n % USERS}", "now": now} for n in range(ACTIVE))
    revocation = "INSERT INTO revocations (kind, subject, at, until) VALUES ('session', :subject, :now, :until)"
    revocations = [{"subject": f"revoked {n}", "now": now, "until": now + n % 90 * DAY} for n in range(REVOKED)]
    database.run(lambda s: s.execute(text("INSERT INTO users (id, email) VALUES (:id, :email)"), users))
    database.run(lambda s: s.execute(text(session), list(rows)))
    database.run(lambda s: s.execute(text(revocation), revocations))


def _database_strategy(app: Flask) -> Iterator[str]:
    """Measure the same route with the database strategy and with the jwt strategy."""
    state, cookie = app.extensions["genkan"], session_cookie(app)
    core: Core = state.core
    strategy = DatabaseStrategy(core.sessions.store, core.clock)
    stored = replace(core, sessions=replace(core.sessions, strategy=strategy))
    opaque = f"{core.cookie_names.session}={_create_session(stored)}"

    def ask(options: Core, header: str) -> Callable[[], None]:
        def run() -> None:
            state.core = options
            get(app, "/auth-calls/1", header)

        return run

    times = interleaved({"jwt": ask(core, cookie), "database": ask(stored, opaque)})
    state.core = core
    more = median(one - other for one, other in zip(times["database"], times["jwt"], strict=True))
    yield f"| `auth()` with the database strategy (SQLite) over the jwt strategy | {more:+.0f} µs | |"


def _create_session(options: Core) -> str:
    now = int(time.time())
    claims = {**CLAIMS, "sub": "user 1", "sid": "session of the benchmark", "session_start": now, "auth_time": now}
    record = SessionRecord(
        id="session of the benchmark",
        user_id="user 1",
        provider="bench",
        created=now,
        last_seen=now,
        expires=now + 30 * DAY,
        absolute_expires=now + 90 * DAY,
        device="benchmark",
    )
    new = options.sessions.strategy.create(claims, 30 * DAY)
    options.sessions.store.create(record, claims=new.claims, token_hash=new.token_hash)
    return new.cookie_value
