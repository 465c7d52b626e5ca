"""The people: what is kept of them, and what they, or an owner, may do with it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from genkan import devices
from genkan.actions import ending, story
from genkan.adapters import is_last_way_in
from genkan.claims import MAX_NAME, clean_text
from genkan.flask import options
from genkan.identity import JSON, Account, Session, SessionUser, User
from genkan.providers.base import Provider
from genkan.session_records import Activity, ActivityKind, SessionRecord, Why

PROFILE_SECONDS = 5
"""How stale a stored profile may be told; without Redis a change made by another worker shows after this time."""

_log = logging.getLogger("genkan.people")


@dataclass(frozen=True, slots=True)
class WayIn:
    """An account at a provider that somebody signs in with."""

    provider: str
    account: str
    """The provider's name for it."""
    name: str
    """The provider's, for people."""
    is_last: bool
    """Without it they could not come back."""


@dataclass(frozen=True, slots=True)
class Whence:
    """Where somebody acts from."""

    user_agent: str = ""
    address: str | None = None


def profile_of(session: Session) -> dict[str, JSON]:
    """`{id, name, email, image, role}` of the session's user as stored, at most PROFILE_SECONDS old.

    Somebody signed in by a Next.js front end may have no row here; then the session itself answers. Raises
    StoreError when the store does not answer, as everything here does.
    """
    id = session.user.id
    if id is None:
        return _fields(session.user)
    house = options()
    kept = house.cache.get(_shelf(id))
    if isinstance(kept, dict):
        return kept
    profile = _fields(house.adapter.get_user(id) or session.user)
    house.cache.set(_shelf(id), profile, PROFILE_SECONDS)
    return profile


def stored(user_id: str) -> User | None:
    """What is kept of them; None for somebody whom another application knows."""
    return options().adapter.get_user(user_id)


def everybody() -> list[User]:
    """Everybody who has signed in."""
    return options().adapter.list_users()


def at_address(email: str) -> User | None:
    """The user with that address."""
    return options().adapter.get_user_by_email(email)


def set_role(user_id: str, role: str) -> User | None:
    """Give a user a role, which their sessions have from the next request on; None when no user has that id."""
    user = options().adapter.update_user(user_id, role=role)
    if user is not None:
        _tell(user_id)
    return user


def rename(user_id: str, name: str, whence: Whence) -> User | None:
    """Store the cleaned name that the user chose; None when no user has that id. Raises ValueError for no name."""
    clean = clean_text(name, MAX_NAME)
    if clean is None:
        raise ValueError("no name")
    user = options().adapter.update_user(user_id, name=clean)
    if user is not None:
        _tell(user_id)
        _note(user_id, "renamed", whence)
    return user


def disable(user_id: str) -> User | None:
    """Refuse a user's sign-ins from now on and end their sessions; None when no user has that id."""
    house = options()
    user = house.adapter.update_user(user_id, disabled=True)
    if user is not None:
        ending.end_everywhere(user_id, "disabled", house)
        _log.info("user disabled", extra={"event": "user-disabled", "user": user_id})
    return user


def enable(user_id: str) -> User | None:
    """Allow a user's sign-ins again; None when no user has that id."""
    user = options().adapter.update_user(user_id, disabled=False)
    if user is not None:
        _log.info("user enabled", extra={"event": "user-enabled", "user": user_id})
    return user


def delete(user: User) -> None:
    """Everything of theirs is gone, and their sessions have ended.

    A store that fails on the way leaves them disabled; to do it once more finishes it.
    """
    house = options()
    # Whoever signs in just now must not be left with a session of somebody who is no more.
    house.adapter.update_user(user.id, disabled=True)
    ending.end_everywhere(user.id, "deleted", house)
    house.adapter.delete_user(user.id)
    house.cache.delete(_shelf(user.id))
    _log.info("user deleted", extra={"event": "user-deleted", "user": user.id})


def sessions_of(user_id: str) -> list[SessionRecord]:
    """Where they are signed in, the session seen last first."""
    house = options()
    return house.store.live(user_id, int(house.clock()))


def all_sessions(limit: int) -> list[SessionRecord]:
    """Where anybody is signed in, likewise, and no more than that many."""
    house = options()
    return house.store.list_live(int(house.clock()), limit)


def session_called(sid: str) -> SessionRecord | None:
    """The session of that name, ended or not."""
    return options().store.get(sid)


def end_session(user_id: str, sid: str, why: Why = "ended") -> bool:
    """End this session of theirs; False when it is not theirs or not there."""
    return ending.end_session(user_id, sid, why, options())


def end_sessions(user_id: str, why: Why = "ended", *, keep: str | None = None) -> int:
    """End every session of theirs, but for the one to keep; how many were known."""
    return ending.end_others(user_id, keep, why, options())


def purge() -> int:
    """Drop the records of what is over, and what was used up and has expired; how many rows."""
    house = options()
    now = int(house.clock())
    return house.store.purge(now) + house.adapter.purge(now)


def activity_of(user_id: str, limit: int) -> list[Activity]:
    """What happened to their account, the latest first."""
    return options().store.activity(user_id, limit)


def ways_in(user_id: str) -> list[WayIn]:
    """What they sign in with."""
    house = options()
    accounts = house.adapter.list_accounts(user_id)

    def is_last(account: Account) -> bool:
        # One whose provider is not on any more lets nobody in.
        return is_last_way_in((account.provider, account.provider_account_id), accounts, house.providers.keys())

    return [
        WayIn(account.provider, account.provider_account_id, provider_name(account.provider), is_last(account))
        for account in accounts
    ]


def further_ways_in(known: list[WayIn]) -> list[Provider]:
    """The providers that they might sign in with as well."""
    ids = {way.provider for way in known}
    return [provider for id, provider in options().providers.items() if id not in ids]


def unlink(user_id: str, provider: str, account: str, whence: Whence) -> bool:
    """Take this way in from them; False when it is not theirs. Raises LastAccount for the last one they can use."""
    house = options()
    unlinked = house.adapter.unlink_account(user_id, provider, account, usable=house.providers.keys())
    if unlinked:
        _note(user_id, "unlinked", whence, provider)
        _log.info("account unlinked", extra={"event": "account-unlinked", "user": user_id, "provider": provider})
    return unlinked


def provider_name(id: str) -> str:
    """What people call a provider, also one that is not on any more."""
    known = options().providers.get(id)
    return known.name if known else id.replace("-", " ").title()


def _tell(user_id: str) -> None:
    house = options()
    ending.changed(user_id, house)
    house.cache.delete(_shelf(user_id))


def _note(user_id: str, kind: ActivityKind, whence: Whence, provider: str | None = None) -> None:
    house = options()
    device = devices.label(whence.user_agent)
    activity = Activity(at=int(house.clock()), kind=kind, provider=provider, device=device, address=whence.address)
    story.note(user_id, activity, house)


def _shelf(user_id: str) -> str:
    return f"profile:{user_id}"


def _fields(user: User | SessionUser) -> dict[str, JSON]:
    return {"id": user.id, "name": user.name, "email": user.email, "image": user.image, "role": user.role}
