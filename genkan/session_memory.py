"""Records of sessions kept in this process: for tests and trials, with the same promises as a database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

from genkan.session_records import ACTIVITY_SECONDS, KEPT_SECONDS, Activity, Ending, EndingKind, SessionRecord, Why


class MemorySessionStore:
    """Implements `genkan.session_records.SessionStore`; `lifetime` is how long, in seconds, any token may live."""

    def __init__(self, *, lifetime: int = 90 * 24 * 3600) -> None:
        self._lifetime = lifetime
        self._lock = Lock()
        self._records: dict[str, SessionRecord] = {}
        self._claims: dict[str, Mapping[str, Any]] = {}
        self._by_token: dict[str, str] = {}
        self._endings: list[Ending] = []
        self._marks = 0
        self._activity: list[tuple[str, Activity]] = []

    def start(
        self, record: SessionRecord, *, claims: Mapping[str, Any] | None = None, token_hash: str | None = None
    ) -> bool:
        """See SessionStore; knows no users, so everybody may come in."""
        with self._lock:
            self._records[record.id] = record
            if claims is not None and token_hash is not None:
                self._claims[record.id] = dict(claims)
                self._by_token[token_hash] = record.id
        return True

    def get(self, id: str) -> SessionRecord | None:
        """See SessionStore."""
        return self._records.get(id)

    def live(self, user_id: str, now: int) -> list[SessionRecord]:
        """See SessionStore."""
        return [record for record in self.list_live(now, len(self._records)) if record.user_id == user_id]

    def list_live(self, now: int, limit: int) -> list[SessionRecord]:
        """See SessionStore."""
        live = [record for record in list(self._records.values()) if record.ended is None and record.expires > now]
        return sorted(live, key=lambda record: (-record.last_seen, record.id))[:limit]

    def by_token(self, token_hash: str, now: int) -> dict[str, Any] | None:
        """See SessionStore."""
        record = self._records.get(self._by_token.get(token_hash, ""))
        if record is None or record.ended is not None or record.expires <= now:
            return None
        return dict(self._claims[record.id])

    def rewrite(self, id: str, claims: Mapping[str, Any], expires: int, now: int, *, every: int = 0) -> None:
        """See SessionStore."""
        with self._lock:
            record = self._records.get(id)
            if record is None or record.ended is not None:
                return
            if not every or record.expires <= expires - every:
                self._records[id] = replace(record, expires=expires, last_seen=now)
                self._claims[id] = dict(claims)

    def touch(self, id: str, now: int, *, every: int, expires: int | None = None) -> bool:
        """See SessionStore."""
        with self._lock:
            record = self._records.get(id)
            if record is None or record.ended is not None:
                return False
            noted, news = (record.last_seen, now) if expires is None else (record.expires, expires)
            if noted > news - every:
                return False
            self._records[id] = replace(record, last_seen=now, expires=expires or record.expires)
            return True

    def end(self, ids: Collection[str], why: Why, now: int) -> list[SessionRecord]:
        """See SessionStore."""
        return self._end(lambda record: record.id in ids, why, now)

    def end_others(self, user_id: str, keep: str | None, why: Why, now: int) -> list[SessionRecord]:
        """See SessionStore."""
        ended = self._end(lambda record: record.user_id == user_id and record.id != keep, why, now)
        with self._lock:
            self._tell("user", user_id, now, now + self._lifetime)
        return ended

    def end_by_provider(
        self, provider: str, why: Why, now: int, *, provider_session: str | None = None, user_id: str | None = None
    ) -> list[SessionRecord]:
        """See SessionStore."""
        if provider_session is None and user_id is None:
            raise ValueError("name the provider's session, the user, or both")

        def meant(record: SessionRecord) -> bool:
            return (
                record.provider == provider
                and provider_session in (None, record.provider_session)
                and user_id in (None, record.user_id)
            )

        return self._end(meant, why, now)

    def disown(self, name: str, now: int) -> None:
        """See SessionStore."""
        with self._lock:
            self._tell("session", name, now, now + self._lifetime)

    def note_change(self, user_id: str, now: int) -> None:
        """See SessionStore."""
        with self._lock:
            self._tell("changed", user_id, now, now + self._lifetime)

    def endings_after(self, mark: int, limit: int) -> list[Ending]:
        """See SessionStore."""
        return [ending for ending in list(self._endings) if ending.mark > mark][:limit]

    def note(self, user_id: str, activity: Activity) -> None:
        """See SessionStore."""
        self._activity.append((user_id, activity))

    def activity(self, user_id: str, limit: int) -> list[Activity]:
        """See SessionStore."""
        theirs = [activity for owner, activity in self._activity if owner == user_id]
        return theirs[: -limit - 1 : -1]

    def purge(self, now: int) -> int:
        """See SessionStore."""
        with self._lock:
            before = len(self._records) + len(self._endings) + len(self._activity)
            self._records = {id: record for id, record in self._records.items() if record.expires > now - KEPT_SECONDS}
            self._by_token = {token: id for token, id in self._by_token.items() if id in self._records}
            self._claims = {id: claims for id, claims in self._claims.items() if id in self._records}
            self._endings = [ending for ending in self._endings if ending.until > now - KEPT_SECONDS]
            self._activity = [noted for noted in self._activity if noted[1].at > now - ACTIVITY_SECONDS]
            return before - len(self._records) - len(self._endings) - len(self._activity)

    def _end(self, meant: Callable[[SessionRecord], bool], why: Why, now: int) -> list[SessionRecord]:
        ended = []
        with self._lock:
            for record in list(self._records.values()):
                if record.ended is None and meant(record):
                    self._records[record.id] = replace(record, ended=now, ended_why=why)
                    self._tell("session", record.id, now, max(record.absolute_end, record.created + self._lifetime))
                    ended.append(self._records[record.id])
        return ended

    def _tell(self, kind: EndingKind, subject: str, at: int, until: int) -> None:
        self._marks += 1
        self._endings.append(Ending(self._marks, kind, subject, at, until))
