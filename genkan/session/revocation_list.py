"""Per-worker copy of the revocation list. Checked on every request, refreshed from the database at most once a second.

A token that can be decrypted may have been revoked since. A query for each request would cost more than the rest of it, so
each worker keeps every revocation in eight bytes. The worker that revokes a session knows it at once.
"""

from __future__ import annotations

import logging
import time
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import chain
from threading import Lock
from typing import Literal

from genkan.adapters.sessions import RETENTION_SECONDS, Revocation, RevocationLog, session_id
from genkan.crypto.sealer import CLOCK_TOLERANCE, Clock
from genkan.errors import AdapterError
from genkan.strict_json import is_number
from genkan.types import Token

MAX_LAG = 1.0
"""Seconds after which a revocation applies on every worker."""

MAX_STALENESS = 600.0
"""Seconds for which the copy is used while the database does not respond. After that no session is valid."""

RETRY = 1.0
"""Seconds between two attempts while the database does not respond."""

OVERLAP = 10.0
"""Seconds that are read again. A transaction with a lower id may commit after one with a higher id."""

_SETTLED, _SLACK = 60.0, 1000
"""After the first reading, rows of the last 60 seconds are read again, and 1000 rows before them. A deferred revocation has
an older time than its id suggests."""

CLEANUP_INTERVAL = 3600.0
"""Seconds between two removals of revocations whose tokens have expired."""

_NEVER = (-1, 0)
_MAX_DEFERRED = 10_000
_LOCK_TIMEOUT, _FIRST_LOCK_TIMEOUT = 0.25, 5.0
"""Seconds to wait for another thread's refresh: 0.25 if there is a copy, 5 for the first one."""
_BATCH = 5000
_MERGE = 10_000
_DAY = 24 * 3600

Verdict = Literal["revoked", "changed"] | None

_log = logging.getLogger("genkan.revocation_list")


class RevocationList:
    """The revocations that this worker knows. `version` changes with them, so that a token is checked once per version."""

    def __init__(self, store: RevocationLog, clock: Clock, *, monotonic: Clock = time.monotonic) -> None:
        self._store, self._clock, self._monotonic = store, clock, monotonic
        self._sessions = _Sorted()
        self._users: dict[str, tuple[int, int]] = {}
        self._changed: dict[str, tuple[int, int]] = {}
        self._cursors: deque[tuple[float, int]] = deque([(float("-inf"), 0)])
        self._refreshed = float("-inf")
        self._due = self._retry = float("-inf")
        self._cleanup_due = monotonic() + CLEANUP_INTERVAL
        self._reading, self._writing = Lock(), Lock()
        self._deferred: deque[Callable[[], object]] = deque(maxlen=_MAX_DEFERRED)
        self.version = 0

    def refresh(self) -> int:
        """Make the copy at most MAX_LAG seconds old and return its version.

        While the store fails, the copy is used for MAX_STALENESS seconds. After that, and if there is none, raises
        AdapterError.
        """
        now = self._monotonic()
        if now >= self._due:
            self._refresh(now)
        return self.version

    def add(self, revocations: Iterable[Revocation]) -> None:
        """Apply these revocations from now on."""
        with self._writing:
            is_new = [self._add(revocation) for revocation in revocations]
            # Last, so that a token checked by the old version is checked again.
            self.version += any(is_new)

    def check(self, token: Token, started_at: float) -> Verdict:
        """Return "revoked", "changed" if the stored user is newer than these claims, or None.

        `started_at` is the start of the session in seconds since 1970.
        """
        sid, subject = session_id(token), token.get("sub")
        if sid is not None:
            with self._writing:
                if sid in self._sessions:
                    return "revoked"
        if not isinstance(subject, str):
            return None
        # Only tokens that we issued have `auth_time`, if only None. A `sid` alone may be another application's claim.
        has_record = isinstance(token.get("sid"), str) and "auth_time" in token
        if not has_record and started_at <= self._users.get(subject, _NEVER)[0]:
            return "revoked"
        updated_at = token.get("updated_at")
        updated_at = updated_at if is_number(updated_at) else token.get("iat", 0)
        changed_at = self._changed.get(subject, _NEVER)[0]
        # A time from a clock that is ahead may be earlier than it says.
        is_ahead = changed_at >= 0 and updated_at > self._clock() + CLOCK_TOLERANCE
        return "changed" if updated_at <= changed_at or is_ahead else None

    def defer(self, action: Callable[[], object]) -> None:
        """Call `action` when the store responds again. It is lost if the process ends before that."""
        self._deferred.append(action)

    def __len__(self) -> int:
        return len(self._sessions) + len(self._users) + len(self._changed)

    def _refresh(self, now: float) -> None:
        # One thread reads. The others continue with the copy, or wait for the first one.
        timeout = _LOCK_TIMEOUT if self._refreshed > float("-inf") else _FIRST_LOCK_TIMEOUT
        if now >= self._retry and self._reading.acquire(timeout=timeout):
            try:
                if self._monotonic() >= self._due:
                    self._read()
            except AdapterError:
                self._retry = self._monotonic() + RETRY
                self._due = min(self._retry, self._refreshed + MAX_STALENESS)
                _log.warning("revocations could not be read", extra={"event": "revocations-stale"})
            finally:
                self._reading.release()
        if now - self._refreshed > MAX_STALENESS:
            raise AdapterError("the revocation list is too old")

    def _read(self) -> None:
        started = self._monotonic()
        while len(self._cursors) > 1 and self._cursors[1][0] <= started - OVERLAP:
            self._cursors.popleft()
        last_id = settled_id = self._cursors[0][1]
        recent, all_settled = self._clock() - _SETTLED, self._refreshed == float("-inf")
        while rows := self._store.revocations_since(last_id, _BATCH):
            self.add(rows)
            last_id = rows[-1].id
            if all_settled:
                first_recent = next((row.id for row in rows if row.at > recent), None)
                all_settled, settled_id = first_recent is None, (first_recent or last_id + 1) - 1
            if len(rows) < _BATCH:
                break
        if self._refreshed == float("-inf"):
            self._cursors[0] = (float("-inf"), max(0, settled_id - _SLACK))
        if last_id > self._cursors[-1][1]:
            self._cursors.append((started, last_id))
        if started >= self._cleanup_due:
            self._cleanup(started)
        # From before the query: a session revoked during the query may be missing from its result.
        self._refreshed, self._due = started, started + MAX_LAG
        self._run_deferred()

    def _run_deferred(self) -> None:
        try:
            while self._deferred:
                self._deferred[0]()
                self._deferred.popleft()
        except Exception as error:  # noqa: BLE001 (an action that fails must not discard the copy)
            # To the end of the queue, so that an action that always fails does not block the others.
            self._deferred.rotate(-1)
            extra = {"event": "revocation-deferred", "error": type(error).__name__}
            _log.warning("a deferred revocation was not stored", extra=extra)

    def _add(self, revocation: Revocation) -> bool:
        if revocation.kind == "session":
            return self._sessions.add(revocation.subject, revocation.until)
        users = self._users if revocation.kind == "user" else self._changed
        if users.get(revocation.subject, _NEVER)[0] >= revocation.at:
            return False
        users[revocation.subject] = (revocation.at, revocation.until)
        return True

    def _cleanup(self, now: float) -> None:
        wall = self._clock()
        with self._writing:
            self._sessions.drop_until(wall)
            for users in (self._users, self._changed):
                for subject in [subject for subject, (_, until) in users.items() if until <= wall - RETENTION_SECONDS]:
                    del users[subject]
        self._cleanup_due = now + CLEANUP_INTERVAL


class _Sorted:
    """Sorted set of strings in eight bytes each: 48 bits of a hash, and the day on which the string may be removed.

    With 100,000 strings in it, the chance that another string seems to be in it is one in 10^9.
    """

    def __init__(self) -> None:
        self._packed = array("Q")
        self._recent: dict[int, int] = {}

    def add(self, text: str, until: float) -> bool:
        if text in self:
            return False
        head = _head(text)
        self._recent[head] = head | min(int(until // _DAY) + 1, 0xFFFF)
        if len(self._recent) > _MERGE:
            self._packed = array("Q", sorted(chain(self._packed, self._recent.values())))
            self._recent = {}
        return True

    def drop_until(self, now: float) -> None:
        today = int(now // _DAY)
        self._packed = array("Q", (packed for packed in self._packed if packed & 0xFFFF >= today))
        self._recent = {head: packed for head, packed in self._recent.items() if packed & 0xFFFF >= today}

    def __contains__(self, text: str) -> bool:
        head = _head(text)
        if head in self._recent:
            return True
        index = bisect_left(self._packed, head)
        return index < len(self._packed) and self._packed[index] & ~0xFFFF == head

    def __len__(self) -> int:
        return len(self._packed) + len(self._recent)


def _head(text: str) -> int:
    digest = blake2b(text.encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") << 16
