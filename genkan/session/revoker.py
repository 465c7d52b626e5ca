"""Revoke sessions: stored for every worker, effective in this worker at once, sent as a signal."""

from __future__ import annotations

import logging
from collections.abc import Callable

from genkan import signals
from genkan.adapters.sessions import JTI_PREFIX, Revocation, RevocationKind, RevocationReason, SessionRecord, session_id
from genkan.errors import AdapterError
from genkan.session.activity import ClientInfo, log_activity
from genkan.session.reader import SessionResult, decode_session
from genkan.session.sessions import Sessions
from genkan.types import Token

_log = logging.getLogger("genkan.revoker")


def revoke_session(user_id: str, sid: str, reason: RevocationReason, sessions: Sessions) -> bool:
    """Revoke one session of this user. Returns False if the user has no such session. Raises AdapterError."""
    record = sessions.store.get(sid)
    if record is None or record.user_id != user_id:
        return False
    _announce(sessions.store.revoke([sid], reason, sessions.now()), sessions)
    return True


def revoke_other_sessions(user_id: str, except_sid: str | None, reason: RevocationReason, sessions: Sessions) -> int:
    """Revoke every session of this user except one. Returns how many had a record. Raises AdapterError."""
    revoked = sessions.store.revoke_others(user_id, except_sid, reason, sessions.now())
    _apply("user", user_id, sessions)
    _announce(revoked, sessions)
    return len(revoked)


def revoke_all_sessions(user_id: str, reason: RevocationReason, sessions: Sessions) -> int:
    """Revoke every session of this user. Returns how many had a record. Raises AdapterError."""
    return revoke_other_sessions(user_id, None, reason, sessions)


def revoke_by_provider(
    provider: str, sessions: Sessions, *, provider_sid: str | None = None, user_id: str | None = None
) -> int:
    """Revoke the sessions that began in this session of the provider, or with this provider as this user.

    Returns how many. Raises AdapterError.
    """
    now = sessions.now()
    revoked = sessions.store.revoke_by_provider(provider, "provider", now, provider_sid=provider_sid, user_id=user_id)
    _announce(revoked, sessions)
    return len(revoked)


def revoke_result(result: SessionResult, reason: RevocationReason, sessions: Sessions) -> None:
    """Revoke the session that a request was read to have, also if it could not be decoded at that moment.

    Never raises AdapterError: see `revoke_token`.
    """
    if result.cached is not None:
        revoke_token(result.cached.token, reason, sessions)
    elif result.cookie_value:
        # The session callback returned None or the store failed, so the session may be valid again later.
        _run_or_defer(lambda: _revoke_cookie(result.cookie_value, reason, sessions), sessions)


def revoke_token(token: Token, reason: RevocationReason, sessions: Sessions) -> None:
    """Revoke the session of these claims, whether we or Next.js issued the token.

    Never raises AdapterError: while the store fails, the revocation applies in this worker, which stores it later.
    """
    sid, now = session_id(token), sessions.now()
    if sid is None:
        return
    _apply("session", sid, sessions)

    def store() -> None:
        if sid.startswith(JTI_PREFIX) or sessions.store.get(sid) is None:
            sessions.store.revoke_unrecorded(sid, now)
        else:
            _announce(sessions.store.revoke([sid], reason, now), sessions)

    _run_or_defer(store, sessions)


def mark_user_changed(user_id: str, sessions: Sessions) -> None:
    """Let every session of this user reload the stored user at its next request. Raises AdapterError."""
    sessions.store.mark_user_changed(user_id, sessions.now())
    _apply("changed", user_id, sessions)


def _revoke_cookie(cookie_value: str, reason: RevocationReason, sessions: Sessions) -> None:
    decoded = decode_session(cookie_value, sessions.clock(), sessions)
    if decoded is not None:
        revoke_token(decoded[0], reason, sessions)


def _run_or_defer(action: Callable[[], None], sessions: Sessions) -> None:
    try:
        action()
    except AdapterError:
        _log.error("revocation was not stored, trying again later", extra={"event": "revocation-deferred"})
        sessions.revocations.defer(action)


def _apply(kind: RevocationKind, subject: str, sessions: Sessions) -> None:
    now = sessions.now()
    sessions.revocations.add([Revocation(0, kind, subject, now, now + sessions.config.absolute_age)])


def _announce(revoked: list[SessionRecord], sessions: Sessions) -> None:
    until = sessions.now() + sessions.config.absolute_age
    sessions.revocations.add([Revocation(0, "session", record.id, record.revoked_at or 0, until) for record in revoked])
    for record in revoked:
        log_activity(
            record.user_id,
            "ended",
            sessions,
            client=ClientInfo(record.device, record.ip_address),
            provider=record.provider,
            detail=record.revocation_reason,
            at=record.revoked_at,
        )
        signals.send(signals.session_revoked, record=record)
