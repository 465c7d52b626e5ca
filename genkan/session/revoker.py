"""Ending sessions: written down for every worker, in force in this one at once, told to whoever listens."""

from __future__ import annotations

import logging
from collections.abc import Callable

from genkan import signals
from genkan.adapters.sessions import JTI_PREFIX, Activity, Revocation, RevocationReason, SessionRecord, session_id
from genkan.core import Core
from genkan.errors import AdapterError
from genkan.http import cookies
from genkan.session import activity, reader
from genkan.types import Token

_log = logging.getLogger("genkan.ending")


def revoke_session(user_id: str, sid: str, reason: RevocationReason, options: Core) -> bool:
    """End one session of that user; False when it is not theirs or not there. Raises StoreError."""
    record = options.session_store.get(sid)
    if record is None or record.user_id != user_id:
        return False
    _tell(options.session_store.revoke([sid], reason, _now(options)), options)
    return True


def revoke_other_sessions(user_id: str, except_sid: str | None, reason: RevocationReason, options: Core) -> int:
    """End every session of that user but the one called `keep`; how many had a record. Raises StoreError."""
    now = _now(options)
    ended = options.session_store.revoke_others(user_id, except_sid, reason, now)
    options.revocations.add([Revocation(0, "user", user_id, now, now + options.session_config.absolute_age)])
    _tell(ended, options)
    return len(ended)


def revoke_all_sessions(user_id: str, reason: RevocationReason, options: Core) -> int:
    """End every session of that user; how many had a record. Raises StoreError."""
    return revoke_other_sessions(user_id, None, reason, options)


def revoke_by_provider(
    provider: str,
    reason: RevocationReason,
    options: Core,
    *,
    provider_sid: str | None = None,
    user_id: str | None = None,
) -> int:
    """End what began in the provider's session of that name, or with that provider as that user; how many."""
    now = _now(options)
    ended = options.session_store.revoke_by_provider(provider, reason, now, provider_sid=provider_sid, user_id=user_id)
    _tell(ended, options)
    return len(ended)


def revoke_token(token: Token, reason: RevocationReason, options: Core) -> None:
    """End the session of these claims, whoever made the token.

    Never fails: while the store does not answer the ending holds in this worker, which writes it down later.
    """
    name, now = session_id(token), _now(options)
    if name is None:
        return
    options.revocations.add([Revocation(0, "session", name, now, now + options.session_config.absolute_age)])

    def write_down() -> None:
        if name.startswith(JTI_PREFIX) or options.session_store.get(name) is None:
            options.session_store.revoke_unrecorded(name, now)
        else:
            _tell(options.session_store.revoke([name], reason, now), options)

    run_or_defer(write_down, options)


def revoke_undecodable(cookie_header: str, reason: RevocationReason, options: Core) -> None:
    """End the session in this header though it can't be told now whose it is; as soon as it can."""
    cookie = cookies.read_session(cookie_header, options.cookie_names.session)
    text = (cookie and cookie.token) or ""

    def act() -> None:
        found = reader.decode_session(text, options.clock(), options)
        if found is not None:
            revoke_token(found[0], reason, options)

    run_or_defer(act, options)


def mark_user_changed(user_id: str, options: Core) -> None:
    """What is stored of that user is something else now: their tokens say so from the next request on."""
    now = _now(options)
    options.session_store.mark_user_changed(user_id, now)
    options.revocations.add([Revocation(0, "changed", user_id, now, now + options.session_config.absolute_age)])


def run_or_defer(act: Callable[[], None], options: Core) -> None:
    """Do this, or as soon as the store answers again if it does not now."""
    try:
        act()
    except AdapterError:
        _log.error("an ending could not be written down; trying again", extra={"event": "ending-owed"})
        options.revocations.defer(act)


def _tell(ended: list[SessionRecord], options: Core) -> None:
    until = _now(options) + options.session_config.absolute_age
    options.revocations.add([Revocation(0, "session", record.id, record.revoked_at or 0, until) for record in ended])
    for record in ended:
        _note(record, options)
        signals.send(signals.session_revoked, record=record)


def _note(record: SessionRecord, options: Core) -> None:
    entry = Activity(
        at=record.revoked_at or _now(options),
        kind="ended",
        provider=record.provider,
        device=record.device,
        ip_address=record.ip_address,
        detail=record.revocation_reason,
    )
    activity.record_activity(record.user_id, entry, options)


def _now(options: Core) -> int:
    return int(options.clock())
