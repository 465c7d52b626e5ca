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


@contextmanager
def log_denials(user_id: str | None, sessions: Sessions, *, client: ClientInfo, provider: str) -> Iterator[None]:
    """If the block raises AccessDenied, OAuthAccountNotLinked or ReauthenticationFailed, log it for this user and re-raise."""
    try:
        yield
    except (AccessDenied, OAuthAccountNotLinked, ReauthenticationFailed) as error:
        if user_id is not None:
            detail = error.reason or error.code
            log_activity(user_id, "refused", sessions, client=client, provider=provider, detail=detail)
        raise
