"""Records of sessions in a database, the news of their endings, and what happened to accounts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Integer, Row, bindparam, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Session

from genkan import strict_json
from genkan.adapters.sessions import (
    ACTIVITY_RETENTION_SECONDS,
    RETENTION_SECONDS,
    Activity,
    Revocation,
    RevocationKind,
    RevocationReason,
    SessionRecord,
)
from genkan.adapters.sqlalchemy.accounts import ignore_invalid_id
from genkan.adapters.sqlalchemy.database import Database, UniqueViolation, table_of
from genkan.adapters.sqlalchemy.purge import Purger
from genkan.errors import AdapterError, TokenError

COLUMNS = (
    "id", "user_id", "provider", "created", "last_seen", "expires", "absolute_expires", "device", "ip_address",
    "provider_sid", "revoked_at", "revocation_reason",
)  # fmt: skip

log = logging.getLogger(__name__)


class SQLAlchemySessionStore:
    """Implements `genkan.adapters.sessions.SessionStore` over declarative classes like those of `models.py`.

    ID tokens pass through `seal` on the way in and `open` on the way out. `lifetime` is how long, in seconds, any
    token may live.
    """

    def __init__(
        self,
        database: Database,
        *,
        users: type[DeclarativeBase],
        sessions: type[DeclarativeBase],
        revocations: type[DeclarativeBase],
        activity: type[DeclarativeBase],
        lifetime: int,
        seal: Callable[[str], str],
        open: Callable[[str], str],
    ) -> None:
        self._database = database
        self._users, self._sessions = table_of(users), table_of(sessions)
        self._revocations, self._activity = table_of(revocations), table_of(activity)
        self._lifetime = lifetime
        self._seal, self._open = seal, open
        # Built once: these two are asked at every request, and once a second.
        kept, news = self._sessions.c, self._revocations.c
        live = kept.revoked_at.is_(None) & (kept.expires > bindparam("now"))
        self._claims_by_hash = select(kept.claims).where((kept.token_hash == bindparam("hash")) & live)
        columns = (news.id, news.kind, news.subject, news.at, news.until)
        since = select(*columns).where(news.id > bindparam("mark")).order_by(news.id)
        self._news = since.limit(bindparam("limit", type_=Integer))
        noted = self._activity.c
        self._purging = Purger(
            database,
            {
                self._sessions: lambda now: kept.expires <= now - RETENTION_SECONDS,
                self._revocations: lambda now: news.until <= now - RETENTION_SECONDS,
                self._activity: lambda now: noted.at <= now - ACTIVITY_RETENTION_SECONDS,
            },
        )

    def create(
        self, record: SessionRecord, *, claims: Mapping[str, Any] | None = None, token_hash: str | None = None
    ) -> bool:
        """See SessionStore."""
        values = {name: getattr(record, name) for name in COLUMNS}
        values["id_token"] = self._seal(record.id_token) if record.id_token else None
        values["claims"] = None if claims is None else _written(claims)
        values["token_hash"] = token_hash
        started = self._database.run(lambda session: self._start(session, values))
        self._purging.run_if_due(record.created)
        return started

    def get(self, id: str) -> SessionRecord | None:
        """See SessionStore."""
        with ignore_invalid_id():
            found = self._records(self._sessions.c.id == id, limit=1)
            return found[0] if found else None
        return None

    def list_active(self, user_id: str, now: int) -> list[SessionRecord]:
        """See SessionStore."""
        with ignore_invalid_id():
            return self._records((self._sessions.c.user_id == user_id) & self._is_live(now), limit=1000)
        return []

    def list_all_active(self, now: int, limit: int) -> list[SessionRecord]:
        """See SessionStore."""
        return self._records(self._is_live(now), limit=limit)

    def get_claims(self, token_hash: str, now: int) -> dict[str, Any] | None:
        """See SessionStore."""
        with self._database.read() as session:
            claims = session.execute(self._claims_by_hash, {"hash": token_hash, "now": now}).scalar()
        return strict_json.loads_object(claims) if claims else None

    def update(self, id: str, claims: Mapping[str, Any], expires: int, now: int, *, min_interval: int = 0) -> None:
        """See SessionStore."""
        sessions = self._sessions.c
        lives = (sessions.id == id) & sessions.revoked_at.is_(None)
        if min_interval:
            lives &= sessions.expires <= expires - min_interval
        values = {"claims": _written(claims), "expires": expires, "last_seen": now}
        self._database.run(lambda session: session.execute(update(self._sessions).where(lives).values(values)))

    def touch(self, id: str, now: int, *, min_interval: int, expires: int | None = None) -> bool:
        """See SessionStore."""
        sessions = self._sessions.c
        due = (
            sessions.last_seen <= now - min_interval if expires is None else sessions.expires <= expires - min_interval
        )
        condition = (sessions.id == id) & sessions.revoked_at.is_(None) & due
        values = {"last_seen": now, **({} if expires is None else {"expires": expires})}
        # Looked at first: a reader waits for nobody, and of many workers nearly all find that nothing is due.
        with self._database.read() as session:
            if session.execute(select(sessions.id).where(condition)).first() is None:
                return False
        change = update(self._sessions).where(condition).values(values).returning(sessions.id)
        return self._database.run(lambda session: session.execute(change).first()) is not None

    def revoke(self, ids: Collection[str], reason: RevocationReason, now: int) -> list[SessionRecord]:
        """See SessionStore."""
        if not ids:
            return []
        return self._database.run(lambda session: self._end(session, self._sessions.c.id.in_(list(ids)), reason, now))

    def revoke_others(
        self, user_id: str, except_sid: str | None, reason: RevocationReason, now: int
    ) -> list[SessionRecord]:
        """See SessionStore."""
        sessions = self._sessions.c
        others = (sessions.user_id == user_id) & (sessions.id != (except_sid or ""))

        def work(session: Session) -> list[SessionRecord]:
            ended = self._end(session, others, reason, now)
            self._tell(session, "user", user_id, now, now + self._lifetime)
            return ended

        with ignore_invalid_id():
            return self._database.run(work)
        self._database.run(lambda session: self._tell(session, "user", user_id, now, now + self._lifetime))
        return []

    def revoke_by_provider(
        self,
        provider: str,
        reason: RevocationReason,
        now: int,
        *,
        provider_sid: str | None = None,
        user_id: str | None = None,
    ) -> list[SessionRecord]:
        """See SessionStore."""
        if provider_sid is None and user_id is None:
            raise ValueError("name the provider's session, the user, or both")
        sessions = self._sessions.c
        meant: ColumnElement[bool] = sessions.provider == provider
        if provider_sid is not None:
            meant &= sessions.provider_sid == provider_sid
        if user_id is not None:
            meant &= sessions.user_id == user_id
        return self._database.run(lambda session: self._end(session, meant, reason, now))

    def revoke_unrecorded(self, name: str, now: int) -> None:
        """See SessionStore."""
        until = now + self._lifetime
        self._database.run(lambda session: self._tell(session, "session", name, now, until))

    def mark_user_changed(self, user_id: str, now: int) -> None:
        """See SessionStore."""
        until = now + self._lifetime
        self._database.run(lambda session: self._tell(session, "changed", user_id, now, until))

    def revocations_since(self, after_id: int, limit: int) -> list[Revocation]:
        """See SessionStore."""
        with self._database.read() as session:
            return [Revocation(*row) for row in session.execute(self._news, {"mark": after_id, "limit": limit})]

    def add_activity(self, user_id: str, activity: Activity) -> None:
        """See SessionStore."""
        values = {name: getattr(activity, name) for name in Activity.__slots__} | {"user_id": user_id}
        try:
            with ignore_invalid_id():
                self._database.run(lambda session: session.execute(insert(self._activity).values(values)))
        except UniqueViolation:
            # The foreign key: somebody who signed in with another application's token, or was deleted just now.
            log.info("activity of somebody who is not kept here")

    def list_activity(self, user_id: str, limit: int) -> list[Activity]:
        """See SessionStore."""
        noted = self._activity.c
        columns = [noted[name] for name in Activity.__slots__]
        query = select(*columns).where(noted.user_id == user_id).order_by(noted.at.desc(), noted.id.desc())
        with ignore_invalid_id(), self._database.read() as session:
            return [Activity(**row._mapping) for row in session.execute(query.limit(limit))]  # noqa: SLF001 (its public way in)
        return []

    def purge(self, now: int) -> int:
        """See SessionStore."""
        return self._purging.run(now)

    def _start(self, session: Session, values: dict[str, Any]) -> bool:
        # Locked against being disabled in between: who is disabled first gets no session, who comes first is ended.
        users = self._users.c
        owner = select(users.id).where(users.id == values["user_id"], users.disabledAt.is_(None))
        if session.execute(owner.with_for_update(read=True)).first() is None:
            return False
        session.execute(insert(self._sessions).values(values))
        return True

    def _is_live(self, now: int) -> ColumnElement[bool]:
        return self._sessions.c.revoked_at.is_(None) & (self._sessions.c.expires > now)

    def _records(self, condition: ColumnElement[bool], *, limit: int) -> list[SessionRecord]:
        sessions = self._sessions.c
        query = select(self._sessions).where(condition).order_by(sessions.last_seen.desc(), sessions.id).limit(limit)
        with self._database.read() as session:
            return [self._record(row) for row in session.execute(query)]

    def _end(
        self, session: Session, meant: ColumnElement[bool], why: RevocationReason, now: int
    ) -> list[SessionRecord]:
        table = self._sessions
        change = (
            update(table)
            .where(meant & table.c.revoked_at.is_(None))
            .values(revoked_at=now, revocation_reason=why)
            .returning(*table.c)
        )
        ended = [self._record(row) for row in session.execute(change)]
        for record in ended:
            # The limit may have been raised since it began, and its tokens live on by the new one.
            until = max(record.absolute_expires, record.created + self._lifetime)
            self._tell(session, "session", record.id, now, until)
        return ended

    def _tell(self, session: Session, kind: RevocationKind, subject: str, at: int, until: int) -> None:
        session.execute(insert(self._revocations).values(kind=kind, subject=subject, at=at, until=until))

    def _record(self, row: Row[Any]) -> SessionRecord:
        plain = {name: row._mapping[name] for name in COLUMNS}  # noqa: SLF001 (its public way in)
        return SessionRecord(**plain, id_token=self._clear(row.id_token))

    def _clear(self, sealed: str | None) -> str | None:
        try:
            return self._open(sealed) if sealed else None
        except TokenError:
            return None  # sealed under a secret that is gone; a sign-out at the provider does without


def _written(claims: Mapping[str, Any]) -> str:
    try:
        return strict_json.dumps(dict(claims))
    except (TypeError, ValueError) as error:
        raise AdapterError("the claims are no JSON") from error
