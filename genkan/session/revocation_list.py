"""What has ended, as far as this worker knows: a small snapshot, asked at every reading and refreshed once a second.

A token that opens proves who it was made for, not that its session still stands. The database knows; asking it at
every request would cost more than everything else. So each worker holds what ended in eight bytes a piece and asks for what
is new at most once a second; the worker that ends a session learns of it at once.
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
"""Seconds after which an ending is in force on every worker."""

MAX_STALENESS = 600.0
"""Seconds for which a snapshot is gone by while the database does not answer; then nobody counts as signed in."""

RETRY = 1.0
"""Seconds between two attempts while it does not answer."""

OVERLAP = 10.0
"""Seconds that are read again: of two transactions the one with the earlier number may commit later."""

_SETTLED, _SLACK = 60.0, 1000
"""Of the first snapshot only what is younger than so many seconds is read again, and so many rows before that: what was
owed is older than its number."""

CLEANUP_INTERVAL = 3600.0
"""Seconds between two looks for what is over by itself."""

_NEVER = (-1, 0)
_OWED_AT_MOST = 10_000
_OTHERS_WAIT, _FIRST_WAIT = 0.25, 5.0
"""Seconds; a store that answers at all takes a hundredth of the first, connecting to it a tenth of the second."""
_BATCH = 5000
_MERGE = 10_000
_DAY = 24 * 3600

Verdict = Literal["revoked", "changed"] | None

_log = logging.getLogger("genkan.revocation_list")


class RevocationList:
    """A worker's snapshot. `version` moves when it learns something, so that a token is judged once per version."""

    def __init__(self, store: RevocationLog, clock: Clock, *, monotonic: Clock = time.monotonic) -> None:
        self._store, self._clock, self._pace = store, clock, monotonic
        self._sessions = _Sorted()
        self._users: dict[str, tuple[int, int]] = {}
        self._changed: dict[str, tuple[int, int]] = {}
        self._marks: deque[tuple[float, int]] = deque([(float("-inf"), 0)])
        self._refreshed = float("-inf")
        self._due = self._retry = float("-inf")
        self._sweep_due = monotonic() + CLEANUP_INTERVAL
        self._reading, self._writing = Lock(), Lock()
        self._owed: deque[Callable[[], object]] = deque(maxlen=_OWED_AT_MOST)
        self.version = 0

    def refresh(self) -> int:
        """The version after making sure that the snapshot is no older than BOUND.

        While the store fails the last snapshot holds, for STALE_LIMIT seconds; then, and where there never was one,
        it raises StoreError.
        """
        now = self._pace()
        if now >= self._due:
            self._refresh(now)
        return self.version

    def add(self, news: Iterable[Revocation]) -> None:
        """Take this into account from now on."""
        with self._writing:
            learnt = [self._add(ending) for ending in news]
            # After the news is in: who judged by the old version judges again by the next.
            self.version += any(learnt)

    def check(self, token: Token, signed_in_at: float) -> Verdict:
        """What has become of the session of these claims, or of what they say of their user."""
        name, subject = session_id(token), token.get("sub")
        if name is not None:
            with self._writing:
                if name in self._sessions:
                    return "revoked"
        if not isinstance(subject, str):
            return None
        # Only tokens that we issued have `auth_time`, if only None. A `sid` alone may be another application's claim.
        has_record = isinstance(token.get("sid"), str) and "auth_time" in token
        if not has_record and signed_in_at <= self._users.get(subject, _NEVER)[0]:
            return "revoked"
        as_of = token.get("updated_at")
        told_at = as_of if is_number(as_of) else token.get("iat", 0)
        changed_at = self._changed.get(subject, _NEVER)[0]
        # What was told by a clock that is ahead may be older than it says.
        is_ahead = changed_at >= 0 and told_at > self._clock() + CLOCK_TOLERANCE
        return "changed" if told_at <= changed_at or is_ahead else None

    def defer(self, act: Callable[[], object]) -> None:
        """Do this as soon as the store answers again; lost when the process ends before that."""
        self._owed.append(act)

    def __len__(self) -> int:
        return len(self._sessions) + len(self._users) + len(self._changed)

    def _refresh(self, now: float) -> None:
        # One asks; the others go on with what they have, or wait for the first snapshot.
        patience = _OTHERS_WAIT if self._refreshed > float("-inf") else _FIRST_WAIT
        if now >= self._retry and self._reading.acquire(timeout=patience):
            try:
                if self._pace() >= self._due:
                    self._read()
            except AdapterError:
                self._retry = self._pace() + RETRY
                self._due = min(self._retry, self._refreshed + MAX_STALENESS)
                _log.warning("endings could not be read", extra={"event": "endings-stale"})
            finally:
                self._reading.release()
        self._insist_on_something(now)

    def _insist_on_something(self, now: float) -> None:
        if now - self._refreshed > MAX_STALENESS:
            raise AdapterError("what has ended is not known")

    def _read(self) -> None:
        asked_at = self._pace()
        while len(self._marks) > 1 and self._marks[1][0] <= asked_at - OVERLAP:
            self._marks.popleft()
        mark = settled = self._marks[0][1]
        young, are_old = self._clock() - _SETTLED, self._refreshed == float("-inf")
        while news := self._store.revocations_since(mark, _BATCH):
            self.add(news)
            mark = news[-1].id
            if are_old:
                first_young = next((ending.id for ending in news if ending.at > young), None)
                are_old, settled = first_young is None, (first_young or mark + 1) - 1
            if len(news) < _BATCH:
                break
        if self._refreshed == float("-inf"):
            self._marks[0] = (float("-inf"), max(0, settled - _SLACK))
        if mark > self._marks[-1][1]:
            self._marks.append((asked_at, mark))
        if asked_at >= self._sweep_due:
            self._sweep(asked_at)
        # Counted from before the question: what ended while it was being answered may be missing from the answer.
        self._refreshed, self._due = asked_at, asked_at + MAX_LAG
        self._settle()

    def _settle(self) -> None:
        try:
            while self._owed:
                self._owed[0]()
                self._owed.popleft()
        except Exception as error:  # noqa: BLE001 (whatever one of them raises, what has ended was read)
            # To the end of the line: one that can never be done holds up neither the others nor the snapshot.
            self._owed.rotate(-1)
            _log.warning("an ending is still owed", extra={"event": "ending-owed", "error": type(error).__name__})

    def _add(self, ending: Revocation) -> bool:
        if ending.kind == "session":
            return self._sessions.add(ending.subject, ending.until)
        known = self._users if ending.kind == "user" else self._changed
        if known.get(ending.subject, _NEVER)[0] >= ending.at:
            return False
        known[ending.subject] = (ending.at, ending.until)
        return True

    def _sweep(self, now: float) -> None:
        wall = self._clock()
        with self._writing:
            self._sessions.drop_until(wall)
            for known in (self._users, self._changed):
                for subject in [subject for subject, (_, until) in known.items() if until <= wall - RETENTION_SECONDS]:
                    del known[subject]
        self._sweep_due = now + CLEANUP_INTERVAL


class _Sorted:
    """A set of texts that keeps 48 bits of each one's hash and the day it may go: eight bytes a piece, sorted.

    A text that was never put in is found with a chance of one in 10^9 while a hundred thousand are in it.
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
