"""Users, their sessions and their accounts: read and changed by the account page and by commands."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from genkan import signals
from genkan.adapters import is_last_account
from genkan.adapters.passkeys import PROVIDER as PASSKEY
from genkan.adapters.sessions import Activity, RevocationReason, SessionRecord
from genkan.claims import MAX_NAME, normalize_text
from genkan.core import Core
from genkan.providers.base import Provider
from genkan.session import revoker
from genkan.session.activity import ClientInfo, log_activity
from genkan.types import JSON, Account, Session, SessionUser, Token, User

PROFILE_CACHE_SECONDS = 5
"""Seconds. Without a shared cache, a change by another worker is visible after this time."""

OTHER_NAMES = {"email": "a link by e-mail", "credentials": "a password", "passkey": "a passkey"}
"""Names of the ways to sign in that are no providers, as in "Signed in with a password"."""

_log = logging.getLogger("genkan.users")


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """An account at a provider that a user can sign in with."""

    provider: str
    account: str
    """The subject at the provider."""
    name: str
    """The provider's name."""
    is_last: bool
    """True if the user could not sign in without it."""


def get_profile(session: Session, core: Core) -> dict[str, JSON]:
    """Return `{id, name, email, image, role}` of the session's user as stored, at most PROFILE_CACHE_SECONDS old.

    The session's own values if the user has no row here, as one that a Next.js front end signed in. Raises AdapterError.
    """
    id = session.user.id
    if id is None:
        return _fields(session.user)
    cached = core.cache.get(_cache_key(id))
    if isinstance(cached, dict):
        return cached
    profile = _fields(core.adapter.get_user(id) or session.user)
    core.cache.set(_cache_key(id), profile, PROFILE_CACHE_SECONDS)
    return profile


def set_role(user_id: str, role: str, core: Core) -> User | None:
    """Store a role. Returns the user, None if there is no such user. Raises AdapterError.

    Sessions of the user have the role at their next request, on other workers within a second.
    """
    user = core.adapter.update_user(user_id, role=role)
    _apply_change(user_id, core)
    return user


def rename(user_id: str, name: str, client: ClientInfo, core: Core) -> User | None:
    """Store the name that the user chose, normalized. Returns the user, None if there is no such user.

    Raises ValueError for an empty name, and AdapterError.
    """
    normalized = normalize_text(name, MAX_NAME)
    if normalized is None:
        raise ValueError("the name is empty")
    user = core.adapter.update_user(user_id, name=normalized)
    _apply_change(user_id, core)
    if user is not None:
        log_activity(user_id, "renamed", core.sessions, client=client)
    return user


def release_address(user_id: str, core: Core) -> User | None:
    """Remove this user's address, so that another user can have it. Returns the user, None if there is no such user.

    The user's next sign-in stores it again if the provider sends it and no other user has it. Raises AdapterError.
    """
    user = core.adapter.update_user(user_id, email="")
    _apply_change(user_id, core)
    if user is not None:
        _log.info("address released", extra={"event": "address-released", "user": user_id})
    return user


def disable(user_id: str, core: Core) -> User | None:
    """Refuse this user's sign-ins and revoke their sessions. Returns the user, None if there is no such user.

    Raises AdapterError. Then nothing has changed.
    """
    user = core.adapter.update_user(user_id, disabled=True)
    _apply_change(user_id, core)
    if user is not None:
        log_activity(user_id, "ended", core.sessions, detail="disabled")
        signals.send(signals.sessions_revoked, user_id=user_id, except_sid=None, reason="disabled")
        _log.info("user disabled", extra={"event": "user-disabled", "user": user_id})
    return user


def enable(user_id: str, core: Core) -> User | None:
    """Allow this user's sign-ins again. Returns the user, None if there is no such user. Raises AdapterError."""
    user = core.adapter.update_user(user_id, disabled=False)
    if user is not None:
        _log.info("user enabled", extra={"event": "user-enabled", "user": user_id})
    return user


def delete(user_id: str, core: Core) -> None:
    """Delete this user with all accounts and revoke the sessions. Raises AdapterError. Then nothing has changed."""
    core.adapter.delete_user(user_id)
    _apply_change(user_id, core)
    signals.send(signals.sessions_revoked, user_id=user_id, except_sid=None, reason="deleted")
    _log.info("user deleted", extra={"event": "user-deleted", "user": user_id})


def find_user_id(user: Any, core: Core) -> str | None:
    """Return the id of a user: the application's own one or its primary key, or else a `User` or an id. None if unknown.

    Raises AdapterError.
    """
    if isinstance(user, User):
        return user.id
    return str(user) if core.own_users is None else core.own_users.find_id(user)


def list_sessions(user_id: str, core: Core) -> list[SessionRecord]:
    """Return the user's active sessions, the one used last first. Raises AdapterError."""
    return core.sessions.store.list_active(user_id, core.sessions.now())


def list_all_sessions(limit: int, core: Core) -> list[SessionRecord]:
    """Return the active sessions of all users, the one used last first, at most `limit`. Raises AdapterError."""
    return core.sessions.store.list_all_active(core.sessions.now(), limit)


def revoke_session(user_id: str, sid: str, core: Core, reason: RevocationReason = "ended") -> bool:
    """Revoke one session of this user. Returns False if the user has no such session. Raises AdapterError."""
    return revoker.revoke_session(user_id, sid, reason, core.sessions)


def revoke_any_session(sid: str, core: Core) -> bool:
    """Revoke the session with this id. Returns False if it has no active record. Raises AdapterError."""
    return revoker.revoke_id(sid, "owner", core.sessions)


def revoke_sessions(
    user_id: str,
    core: Core,
    reason: RevocationReason = "ended",
    *,
    except_token: Token | None = None,
    except_device: str | None = None,
) -> int:
    """Revoke every session of this user except that of one token. Returns how many had a record. Raises AdapterError.

    Trusted devices end with them, except the one with the hash `except_device`.
    """
    if core.second_factor is not None:
        core.second_factor.store.end_trust(user_id, except_hash=except_device)
    return revoker.revoke_user(user_id, reason, core.sessions, except_token=except_token)


def revoke_everyone(core: Core) -> int:
    """Revoke the sessions of all users, and end trusted devices. Returns how many had a record. Raises AdapterError."""
    if core.second_factor is not None:
        core.second_factor.store.end_trust(None)
    return revoker.revoke_everyone("owner", core.sessions)


def purge(core: Core) -> int:
    """Delete expired records, used ids, links, mails and trusted devices. Returns the number of rows. Raises
    AdapterError."""
    local = core.email.stores.verifications.purge() if core.email else 0
    factors = core.second_factor.store.purge() if core.second_factor else 0
    return core.sessions.store.purge() + core.adapter.purge() + local + factors


def list_activity(user_id: str, limit: int, core: Core) -> list[Activity]:
    """Return the user's activity, the latest first, at most `limit` entries. Raises AdapterError."""
    return core.sessions.store.list_activity(user_id, limit)


def list_accounts(user_id: str, core: Core) -> list[LinkedAccount]:
    """Return the accounts that are linked to the user. Raises AdapterError."""
    accounts = core.adapter.list_accounts(user_id)
    user = core.adapter.get_user(user_id) if core.email else None
    needs_account = user is None or user.email_verified is None

    def is_last(account: Account) -> bool:
        # An account of a provider that is not enabled does not count: no user can sign in with it.
        key = account.provider, account.provider_account_id
        return needs_account and is_last_account(key, accounts, enabled_ways(core))

    # Passkeys have a page of their own.
    hidden = PASSKEY if core.passkeys is not None else None
    return [
        LinkedAccount(
            account.provider, account.provider_account_id, provider_name(account.provider, core), is_last(account)
        )
        for account in accounts
        if account.provider != hidden
    ]


def enabled_ways(core: Core) -> frozenset[str]:
    """Return the ids of the providers, and of other ways to sign in, whose accounts a user can sign in with."""
    others = (("credentials", core.authorize), (PASSKEY, core.passkeys))
    return frozenset((*core.providers, *(id for id, way in others if way is not None)))


def linkable_providers(linked: list[LinkedAccount], core: Core) -> list[Provider]:
    """Return the enabled providers at which the user has no linked account."""
    ids = {account.provider for account in linked}
    return [provider for id, provider in core.providers.items() if id not in ids]


def unlink(user_id: str, provider: str, account: str, client: ClientInfo, core: Core) -> bool:
    """Unlink this account. Returns False if it is not linked to the user. Raises LastAccountError if the user could not
    sign in without it.
    """
    unlinked = core.adapter.unlink_account(
        user_id, provider, account, enabled_providers=enabled_ways(core), email_sign_in=core.email is not None
    )
    if unlinked:
        log_activity(user_id, "unlinked", core.sessions, client=client, provider=provider)
        _log.info("account unlinked", extra={"event": "account-unlinked", "user": user_id, "provider": provider})
    return unlinked


def provider_name(id: str, core: Core) -> str:
    """Return the name of a provider, also of one that is no longer enabled, or of another way to sign in."""
    if id in OTHER_NAMES:
        return OTHER_NAMES[id]
    provider = core.providers.get(id)
    return provider.name if provider else id.replace("-", " ").title()


def reload_sessions(user_id: str, core: Core) -> None:
    """Let every session and the cached profile of this user reload the stored user. Raises AdapterError."""
    revoker.mark_user_changed(user_id, core.sessions)
    core.cache.delete(_cache_key(user_id))


def _apply_change(user_id: str, core: Core) -> None:
    """Let this worker know the change at once. Other workers read it within a second."""
    core.sessions.revocations.read_now()
    core.cache.delete(_cache_key(user_id))


def _cache_key(user_id: str) -> str:
    return f"profile:{user_id}"


def _fields(user: User | SessionUser) -> dict[str, JSON]:
    return {"id": user.id, "name": user.name, "email": user.email, "image": user.image, "role": user.role}
