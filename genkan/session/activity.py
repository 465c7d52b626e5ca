"""The activity of an account: entries that its user can see."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from genkan.adapters.sessions import Activity, ActivityKind
from genkan.errors import AccessDenied, AdapterError, OAuthAccountNotLinked, ReauthenticationFailed
from genkan.session.sessions import Sessions
from genkan.session.user_agent import describe

REFUSAL_INTERVAL = 3600
"""Seconds between two entries about refused sign-ins with the address of a user, so that another person can't fill the
user's activity."""

LATEST_ENTRIES = 100
"""Entries that are searched for the last such entry."""

_log = logging.getLogger("genkan.activity")


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The device and the address of the client that made a request."""

    device: str
    ip_address: str | None

    @classmethod
    def of(cls, user_agent: str, ip_address: str | None) -> ClientInfo:
        """Return the client with this User-Agent header at this address."""
        return cls(describe(user_agent), ip_address)


def log_activity(
    user_id: str,
    kind: ActivityKind,
    sessions: Sessions,
    *,
    client: ClientInfo | None = None,
    provider: str | None = None,
    detail: str | None = None,
    at: int | None = None,
) -> None:
    """Add an entry to this user's activity, at `at` (seconds since 1970) or now.

    Never raises. If the store fails, a warning is logged and the entry is lost.
    """
    entry = Activity(
        at=sessions.now() if at is None else at,
        kind=kind,
        provider=provider,
        device=client.device if client else None,
        ip_address=client.ip_address if client else None,
        detail=detail,
    )
    try:
        sessions.store.add_activity(user_id, entry)
    except AdapterError:
        _log.warning("activity was not stored", extra={"event": "activity-lost", "user": user_id})


def log_refused_address(user_id: str, sessions: Sessions, *, provider: str, detail: str) -> None:
    """Log for this user that a sign-in with the user's address was refused, at most once in REFUSAL_INTERVAL.

    The entry has no device and no IP address, because they may be another person's. Never raises.
    """
    since = sessions.now() - REFUSAL_INTERVAL
    try:
        entries = sessions.store.list_activity(user_id, LATEST_ENTRIES)
    except AdapterError:
        entries = []
    if not any(entry.kind == "refused" and entry.detail == detail and entry.at > since for entry in entries):
        log_activity(user_id, "refused", sessions, provider=provider, detail=detail)


@contextmanager
def log_denials(user_id: str | None, sessions: Sessions, *, client: ClientInfo, provider: str) -> Iterator[None]:
    """If the block raises AccessDenied, OAuthAccountNotLinked or ReauthenticationFailed, log it for this user and
    re-raise."""
    try:
        yield
    except (AccessDenied, OAuthAccountNotLinked, ReauthenticationFailed) as error:
        if user_id is not None:
            detail = error.reason or error.code
            log_activity(user_id, "refused", sessions, client=client, provider=provider, detail=detail)
        raise
