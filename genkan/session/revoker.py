"""Revoke sessions: stored for every worker, effective in this worker at once, sent as a signal.

A function that returns has stored the revocation. If the store fails, it raises AdapterError, and nothing has changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from genkan import signals
from genkan.adapters.sessions import RevocationReason, SessionRecord, session_id
from genkan.errors import TokenError
from genkan.session import issuer
from genkan.session.activity import ClientInfo, log_activity
from genkan.session.reader import SessionResult
from genkan.session.sessions import Sessions
from genkan.types import Token


def revoke_session(user_id: str, sid: str, reason: RevocationReason, sessions: Sessions) -> bool:
    """Revoke one session of this user. Returns False if the user has no such session."""
    record = sessions.store.get(sid)
    if record is None or record.user_id != user_id:
        return False
    revoke_id(sid, reason, sessions)
    return True


def revoke_id(sid: str, reason: RevocationReason, sessions: Sessions) -> bool:
    """Revoke the session with this `session_id`, whether we or Next.js issued its token.

    Returns False if it has no active record.
    """
    record = sessions.store.revoke_session(sid, reason)
    sessions.revocations.read_now()
    announce([record] if record else [], sessions)
    return record is not None


def revoke_user(
    user_id: str, reason: RevocationReason, sessions: Sessions, *, except_token: Token | None = None
) -> int:
    """Revoke every session of this user that has started by now, with or without a record, except that of one token.

    Returns how many active sessions had a record.
    """
    except_sid = session_id(except_token) if except_token else None
    started_at = issuer.started_at(except_token) if except_token else 0
    count = sessions.store.revoke_user(user_id, except_sid=except_sid, except_started_at=started_at)
    sessions.revocations.read_now()
    log_activity(user_id, "ended-others" if except_sid else "ended", sessions, detail=reason)
    signals.send(signals.sessions_revoked, user_id=user_id, except_sid=except_sid, reason=reason)
    return count


def revoke_everyone(reason: RevocationReason, sessions: Sessions) -> int:
    """Revoke every session of all users that has started by now. Returns how many active sessions had a record."""
    count = sessions.store.revoke_everyone()
    sessions.revocations.read_now()
    signals.send(signals.sessions_revoked, user_id=None, except_sid=None, reason=reason)
    return count


def revoke_by_provider(
    provider: str, sessions: Sessions, *, provider_sid: str | None = None, user_id: str | None = None
) -> int:
    """Revoke the sessions that began in this session of the provider, or with this provider as this user.

    Returns how many.
    """
    revoked = sessions.store.revoke_by_provider(provider, "provider", provider_sid=provider_sid, user_id=user_id)
    sessions.revocations.read_now()
    announce(revoked, sessions)
    return len(revoked)


def mark_user_changed(user_id: str, sessions: Sessions) -> None:
    """Let every session of this user reload the stored user at its next request."""
    sessions.store.mark_user_changed(user_id)
    sessions.revocations.read_now()


def find_session_id(result: SessionResult, sessions: Sessions) -> str | None:
    """Return the `session_id` of the session of a request, also if it could not be read at that moment.

    None if there is none. Raises AdapterError if the store of the `database` strategy fails.
    """
    if result.cached is not None:
        return session_id(result.cached.token)
    try:
        # The session callback returned None or the store failed, so the session may be valid again later.
        return session_id(sessions.strategy.decode(result.cookie_value)) if result.cookie_value else None
    except TokenError:
        return None


def revoke_further(result: SessionResult, sessions: Sessions) -> None:
    """Revoke the sessions of further cookies of a request, so that they do not sign in the user again. Raises
    AdapterError."""
    for further in result.further:
        sid = find_session_id(further, sessions)
        if sid is not None:
            revoke_id(sid, "signed-out", sessions)


def announce(revoked: Iterable[SessionRecord], sessions: Sessions) -> None:
    """Send a signal for each of these records, and add one entry to the activity of each of their users."""
    users: set[str] = set()
    for record in revoked:
        if record.user_id not in users:
            users.add(record.user_id)
            client = ClientInfo(record.device, record.ip_address)
            detail, at = record.revocation_reason, record.revoked_at
            log_activity(
                record.user_id, "ended", sessions, client=client, provider=record.provider, detail=detail, at=at
            )
        signals.send(signals.session_revoked, record=record)
