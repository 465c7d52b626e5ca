"""Ending sessions: written down for every worker, in force in this one at once, told to whoever listens."""

from __future__ import annotations

import logging
from collections.abc import Callable

from genkan import cookies, events
from genkan.actions import session, story
from genkan.errors import StoreError
from genkan.identity import Token
from genkan.options import Options
from genkan.session_records import UNRECORDED, Activity, Ending, SessionRecord, Why, session_name

_log = logging.getLogger("genkan.ending")


def end_session(user_id: str, sid: str, why: Why, options: Options) -> bool:
    """End one session of that user; False when it is not theirs or not there. Raises StoreError."""
    record = options.store.get(sid)
    if record is None or record.user_id != user_id:
        return False
    _tell(options.store.end([sid], why, _now(options)), options)
    return True


def end_others(user_id: str, keep: str | None, why: Why, options: Options) -> int:
    """End every session of that user but the one called `keep`; how many had a record. Raises StoreError."""
    now = _now(options)
    ended = options.store.end_others(user_id, keep, why, now)
    options.endings.learn([Ending(0, "user", user_id, now, now + options.policy.absolute_age)])
    _tell(ended, options)
    return len(ended)


def end_everywhere(user_id: str, why: Why, options: Options) -> int:
    """End every session of that user; how many had a record. Raises StoreError."""
    return end_others(user_id, None, why, options)


def end_by_provider(
    provider: str, why: Why, options: Options, *, provider_session: str | None = None, user_id: str | None = None
) -> int:
    """End what began in the provider's session of that name, or with that provider as that user; how many."""
    now = _now(options)
    ended = options.store.end_by_provider(provider, why, now, provider_session=provider_session, user_id=user_id)
    _tell(ended, options)
    return len(ended)


def end_token(token: Token, why: Why, options: Options) -> None:
    """End the session of these claims, whoever made the token.

    Never fails: while the store does not answer the ending holds in this worker, which writes it down later.
    """
    name, now = session_name(token), _now(options)
    if name is None:
        return
    options.endings.learn([Ending(0, "session", name, now, now + options.policy.absolute_age)])

    def write_down() -> None:
        if name.startswith(UNRECORDED) or options.store.get(name) is None:
            options.store.disown(name, now)
        else:
            _tell(options.store.end([name], why, now), options)

    now_or_later(write_down, options)


def end_unread(cookie_header: str, why: Why, options: Options) -> None:
    """End the session in this header though it can't be told now whose it is; as soon as it can."""
    cookie = cookies.read_session(cookie_header, options.names.session)
    text = (cookie and cookie.token) or ""

    def act() -> None:
        found = session.opened(text, options.clock(), options)
        if found is not None:
            end_token(found[0], why, options)

    now_or_later(act, options)


def changed(user_id: str, options: Options) -> None:
    """What is stored of that user is something else now: their tokens say so from the next request on."""
    now = _now(options)
    options.store.note_change(user_id, now)
    options.endings.learn([Ending(0, "changed", user_id, now, now + options.policy.absolute_age)])


def now_or_later(act: Callable[[], None], options: Options) -> None:
    """Do this, or as soon as the store answers again if it does not now."""
    try:
        act()
    except StoreError:
        _log.error("an ending could not be written down; trying again", extra={"event": "ending-owed"})
        options.endings.owe(act)


def _tell(ended: list[SessionRecord], options: Options) -> None:
    until = _now(options) + options.policy.absolute_age
    options.endings.learn([Ending(0, "session", record.id, record.ended or 0, until) for record in ended])
    for record in ended:
        _note(record, options)
        events.send(events.session_ended, record=record)


def _note(record: SessionRecord, options: Options) -> None:
    activity = Activity(
        at=record.ended or _now(options),
        kind="ended",
        provider=record.provider,
        device=record.device,
        address=record.address,
        detail=record.ended_why,
    )
    story.note(record.user_id, activity, options)


def _now(options: Options) -> int:
    return int(options.clock())
