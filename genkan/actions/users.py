"""The people: what is kept of them, and what they, or an owner, may do with it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from genkan.adapters import is_last_account
from genkan.adapters.sessions import Activity, ActivityKind, RevocationReason, SessionRecord
from genkan.claims import MAX_NAME, normalize_text
from genkan.providers.base import Provider
from genkan.session import activity, revoker, user_agent
from genkan.types import JSON, Account, Session, SessionUser, User
from genkan.web import get_core

PROFILE_CACHE_SECONDS = 5
"""How stale a stored profile may be told; without Redis a change made by another worker shows after this time."""

_log = logging.getLogger("genkan.people")


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """An account at a provider that somebody signs in with."""

    provider: str
    account: str
    """The provider's name for it."""
    name: str
    """The provider's, for people."""
    is_last: bool
    """Without it they could not come back."""


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """Where somebody acts from."""

    user_agent: str = ""
    ip_address: str | None = None


def get_profile(session: Session) -> dict[str, JSON]:
    """`{id, name, email, image, role}` of the session's user as stored, at most PROFILE_SECONDS old.

    Somebody signed in by a Next.js front end may have no row here; then the session itself answers. Raises
    StoreError when the store does not answer, as everything here does.
    """
    id = session.user.id
    if id is None:
        return _fields(session.user)
    house = get_core()
    kept = house.cache.get(_shelf(id))
    if isinstance(kept, dict):
        return kept
    profile = _fields(house.adapter.get_user(id) or session.user)
    house.cache.set(_shelf(id), profile, PROFILE_CACHE_SECONDS)
    return profile


def get_user(user_id: str) -> User | None:
    """What is kept of them; None for somebody whom another application knows."""
    return get_core().adapter.get_user(user_id)


def list_users() -> list[User]:
    """Everybody who has signed in."""
    return get_core().adapter.list_users()


def get_user_by_email(email: str) -> User | None:
    """The user with that address."""
    return get_core().adapter.get_user_by_email(email)


def set_role(user_id: str, role: str) -> User | None:
    """Give a user a role, which their sessions have from the next request on; None when no user has that id."""
    user = get_core().adapter.update_user(user_id, role=role)
    if user is not None:
        _tell(user_id)
    return user


def rename(user_id: str, name: str, whence: ClientInfo) -> User | None:
    """Store the cleaned name that the user chose; None when no user has that id. Raises ValueError for no name."""
    clean = normalize_text(name, MAX_NAME)
    if clean is None:
        raise ValueError("no name")
    user = get_core().adapter.update_user(user_id, name=clean)
    if user is not None:
        _tell(user_id)
        _note(user_id, "renamed", whence)
    return user


def disable(user_id: str) -> User | None:
    """Refuse a user's sign-ins from now on and end their sessions; None when no user has that id."""
    house = get_core()
    user = house.adapter.update_user(user_id, disabled=True)
    if user is not None:
        revoker.revoke_all_sessions(user_id, "disabled", house)
        _log.info("user disabled", extra={"event": "user-disabled", "user": user_id})
    return user


def enable(user_id: str) -> User | None:
    """Allow a user's sign-ins again; None when no user has that id."""
    user = get_core().adapter.update_user(user_id, disabled=False)
    if user is not None:
        _log.info("user enabled", extra={"event": "user-enabled", "user": user_id})
    return user


def delete(user: User) -> None:
    """Everything of theirs is gone, and their sessions have ended.

    A store that fails on the way leaves them disabled; to do it once more finishes it.
    """
    house = get_core()
    # Whoever signs in just now must not be left with a session of somebody who is no more.
    house.adapter.update_user(user.id, disabled=True)
    revoker.revoke_all_sessions(user.id, "deleted", house)
    house.adapter.delete_user(user.id)
    house.cache.delete(_shelf(user.id))
    _log.info("user deleted", extra={"event": "user-deleted", "user": user.id})


def list_sessions(user_id: str) -> list[SessionRecord]:
    """Where they are signed in, the session seen last first."""
    house = get_core()
    return house.session_store.list_active(user_id, int(house.clock()))


def list_all_sessions(limit: int) -> list[SessionRecord]:
    """Where anybody is signed in, likewise, and no more than that many."""
    house = get_core()
    return house.session_store.list_all_active(int(house.clock()), limit)


def get_session(sid: str) -> SessionRecord | None:
    """The session of that name, ended or not."""
    return get_core().session_store.get(sid)


def revoke_session(user_id: str, sid: str, why: RevocationReason = "ended") -> bool:
    """End this session of theirs; False when it is not theirs or not there."""
    return revoker.revoke_session(user_id, sid, why, get_core())


def revoke_sessions(user_id: str, why: RevocationReason = "ended", *, except_sid: str | None = None) -> int:
    """End every session of theirs, but for the one to keep; how many were known."""
    return revoker.revoke_other_sessions(user_id, except_sid, why, get_core())


def purge() -> int:
    """Drop the records of what is over, and what was used up and has expired; how many rows."""
    house = get_core()
    now = int(house.clock())
    return house.session_store.purge(now) + house.adapter.purge(now)


def list_activity(user_id: str, limit: int) -> list[Activity]:
    """What happened to their account, the latest first."""
    return get_core().session_store.list_activity(user_id, limit)


def list_accounts(user_id: str) -> list[LinkedAccount]:
    """What they sign in with."""
    house = get_core()
    accounts = house.adapter.list_accounts(user_id)

    def is_last(account: Account) -> bool:
        # One whose provider is not on any more lets nobody in.
        return is_last_account((account.provider, account.provider_account_id), accounts, house.providers.keys())

    return [
        LinkedAccount(account.provider, account.provider_account_id, provider_name(account.provider), is_last(account))
        for account in accounts
    ]


def linkable_providers(known: list[LinkedAccount]) -> list[Provider]:
    """The providers that they might sign in with as well."""
    ids = {way.provider for way in known}
    return [provider for id, provider in get_core().providers.items() if id not in ids]


def unlink(user_id: str, provider: str, account: str, whence: ClientInfo) -> bool:
    """Take this way in from them; False when it is not theirs. Raises LastAccount for the last one they can use."""
    house = get_core()
    unlinked = house.adapter.unlink_account(user_id, provider, account, enabled_providers=house.providers.keys())
    if unlinked:
        _note(user_id, "unlinked", whence, provider)
        _log.info("account unlinked", extra={"event": "account-unlinked", "user": user_id, "provider": provider})
    return unlinked


def provider_name(id: str) -> str:
    """What people call a provider, also one that is not on any more."""
    known = get_core().providers.get(id)
    return known.name if known else id.replace("-", " ").title()


def _tell(user_id: str) -> None:
    house = get_core()
    revoker.mark_user_changed(user_id, house)
    house.cache.delete(_shelf(user_id))


def _note(user_id: str, kind: ActivityKind, whence: ClientInfo, provider: str | None = None) -> None:
    house = get_core()
    device = user_agent.describe(whence.user_agent)
    entry = Activity(at=int(house.clock()), kind=kind, provider=provider, device=device, ip_address=whence.ip_address)
    activity.record_activity(user_id, entry, house)


def _shelf(user_id: str) -> str:
    return f"profile:{user_id}"


def _fields(user: User | SessionUser) -> dict[str, JSON]:
    return {"id": user.id, "name": user.name, "email": user.email, "image": user.image, "role": user.role}
