"""Per-worker copy of the revocation list. Checked on every request, refreshed from the database at most once a second.

A token that can be decrypted may have been revoked since. A query for each request would cost more than the rest of it, so
each worker keeps every revocation of a session in eight bytes, and one rule for a user whose sessions were all revoked.
"""

from __future__ import annotations

import logging
import time
from array import array
from bisect import bisect_left
from hashlib import blake2b
from itertools import chain
from threading import Lock
from typing import Literal, NamedTuple

from genkan.adapters.sessions import EVERYONE, Revocation, RevocationLog, session_id
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

RENEWAL_INTERVAL = 3600.0
"""Seconds after which the copy is replaced by a new one. That removes what the database has deleted, and no clock
decides."""

_LOCK_TIMEOUT, _FIRST_LOCK_TIMEOUT = 0.25, 5.0
"""Seconds to wait for another thread's refresh: 0.25 if there is a copy, 5 for the first one."""
_MERGE = 10_000

Verdict = Literal["revoked", "changed"] | None

_log = logging.getLogger("genkan.revocation_list")


class RevocationList:
    """The revocations that this worker knows, and the time of the store's clock.

    `version` changes with the revocations, so that a token is checked once per version.
    """

    def __init__(self, store: RevocationLog, clock: Clock, *, monotonic: Clock = time.monotonic) -> None:
        self._store, self._clock, self._monotonic = store, clock, monotonic
        self._copy, self._position = _Copy(), ""
        self._clock_difference = 0.0
        self._refreshed = float("-inf")
        self._due = self._retry = float("-inf")
        self._renewal_due = monotonic() + RENEWAL_INTERVAL
        self.is_failing = False
        """True if the last reading failed, so that other queries need not be tried."""
        self._reading = Lock()
        self.version = 0

    def now(self) -> float:
        """Return the time of the store's clock in seconds since 1970, measured at the last refresh.

        All hosts that share a database share its clock. Before the first refresh it is the clock of this host.
        """
        return self._clock() + self._clock_difference

    def refresh(self) -> int:
        """Make the copy at most MAX_LAG seconds old and return its version.

        While the store fails, the copy is used for MAX_STALENESS seconds. After that, and if there is none, raises
        AdapterError.
        """
        now = self._monotonic()
        if now >= self._due:
            self._refresh(now)
        return self.version

    def read_now(self) -> None:
        """Read the store, so that what this worker has just stored applies at once. An AdapterError is only logged."""
        try:
            with self._reading:
                self._read()
        except AdapterError:
            _log.warning("revocations could not be read", extra={"event": "revocations-stale"})

    def check(self, token: Token, started_at: float) -> Verdict:
        """Return "revoked", "changed" if the stored user is newer than these claims, or None.

        `started_at` is the start of the session in seconds since 1970.
        """
        copy, sid, subject = self._copy, session_id(token), token.get("sub")
        if started_at <= copy.everyone.get(EVERYONE, _NO_RULE).at or (sid is not None and sid in copy.sessions):
            return "revoked"
        if not isinstance(subject, str):
            return None
        rule = copy.users.get(subject, _NO_RULE)
        if started_at <= rule.at and (sid is None or sid != rule.except_sid):
            return "revoked"
        updated_at = token.get("updated_at")
        updated_at = updated_at if is_number(updated_at) else token.get("iat", 0)
        changed_at = copy.changed.get(subject, _NO_RULE).at
        # A time from a clock that is ahead may be earlier than it says.
        is_ahead = changed_at >= 0 and updated_at > self.now() + CLOCK_TOLERANCE
        return "changed" if updated_at <= changed_at or is_ahead else None

    def last_rule(self, user_id: str) -> int:
        """Return until when sessions of this user must have started to be revoked. -1 if no rule revokes them."""
        return max(self._copy.everyone.get(EVERYONE, _NO_RULE).at, self._copy.users.get(user_id, _NO_RULE).at)

    def __len__(self) -> int:
        return len(self._copy.sessions) + len(self._copy.users) + len(self._copy.changed)

    def _refresh(self, now: float) -> None:
        # One thread reads. The others continue with the copy, or wait for the first one.
        timeout = _LOCK_TIMEOUT if self._refreshed > float("-inf") else _FIRST_LOCK_TIMEOUT
        if now >= self._retry and self._reading.acquire(timeout=timeout):
            try:
                if self._monotonic() >= self._due:
                    self._read()
            except AdapterError:
                self.is_failing = True
                self._retry = self._monotonic() + RETRY
                self._due = min(self._retry, self._refreshed + MAX_STALENESS)
                _log.warning("revocations could not be read", extra={"event": "revocations-stale"})
            finally:
                self._reading.release()
        if now - self._refreshed > MAX_STALENESS:
            raise AdapterError("the revocation list is too old")
        if now >= self._renewal_due:
            self._renew(now)

    def _read(self) -> None:
        started = self._monotonic()
        position, self._position = self._position, ""
        added: list[bool] = []
        # After an error all revocations are read again: another server may have taken over, with fewer transactions.
        try:
            reading = self._store.read_revocations(position, lambda batch: added.append(self._copy.add(batch)))
        finally:
            # Last, so that a token checked by the old version is checked again. Also if a later batch failed.
            self.version += any(added)
        self.is_failing = False
        self._position, self._clock_difference = reading.position, reading.now - self._clock()
        # From before the query: a session revoked during the query may be missing from its result.
        self._refreshed, self._due = started, started + MAX_LAG

    def _renew(self, now: float) -> None:
        self._renewal_due = now + RENEWAL_INTERVAL
        copy = _Copy()
        try:
            position = self._store.read_revocations("", copy.add).position
            with self._reading:
                self._position = self._store.read_revocations(position, copy.add).position
                self._copy = copy
                self.version += 1
        except AdapterError:
            _log.warning("revocations could not be read", extra={"event": "revocations-stale"})


class _Rule(NamedTuple):
    """Sessions that started by `at` are revoked, except one."""

    at: int
    except_sid: str | None = None


_NO_RULE = _Rule(-1)


class _Copy:
    """Revocations in memory. One thread adds to it while others read."""

    def __init__(self) -> None:
        self.sessions = _Sorted()
        self.users: dict[str, _Rule] = {}
        self.changed: dict[str, _Rule] = {}
        self.everyone: dict[str, _Rule] = {}

    def add(self, revocations: list[Revocation]) -> bool:
        """Add these revocations and return True if one of them is new."""
        return sum(map(self._add, revocations)) > 0

    def _add(self, revocation: Revocation) -> bool:
        if revocation.kind == "session":
            return self.sessions.add(revocation.subject)
        rule = _Rule(revocation.at, revocation.except_sid)
        if revocation.kind == "changed":
            # The newest counts, also if its time is earlier because a clock was wrong.
            is_new = rule != self.changed.get(revocation.subject)
            self.changed[revocation.subject] = rule
            return is_new
        rules = self.users if revocation.kind == "user" else self.everyone
        if rule.at <= rules.get(revocation.subject, _NO_RULE).at:
            return False
        rules[revocation.subject] = rule
        return True


class _Sorted:
    """Sorted set of strings in eight bytes each: 64 bits of a hash.

    With 100,000 strings in it, the chance that another string seems to be in it is one in 10^14.
    """

    def __init__(self) -> None:
        self._packed = array("Q")
        self._recent: set[int] = set()

    def add(self, text: str) -> bool:
        if text in self:
            return False
        self._recent.add(_digest(text))
        if len(self._recent) > _MERGE:
            # In this order, so that a reader finds each string in one of them.
            self._packed = array("Q", sorted(chain(self._packed, self._recent)))
            self._recent = set()
        return True

    def __contains__(self, text: str) -> bool:
        digest = _digest(text)
        if digest in self._recent:
            return True
        packed = self._packed
        index = bisect_left(packed, digest)
        return index < len(packed) and packed[index] == digest

    def __len__(self) -> int:
        return len(self._packed) + len(self._recent)


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
