"""The level that a change of the ways to sign in needs."""

from __future__ import annotations

from genkan.core import Core
from genkan.errors import SessionRequired
from genkan.oauth.reauthentication import MFA, Level, methods_of
from genkan.session.reader import SessionResult


def required_level(user_id: str | None, core: Core) -> Level | None:
    """Return `mfa` if the user has a second factor, which adding or removing a way to sign in then needs. Raises
    AdapterError.

    Otherwise one factor could add a passkey, or an account whose provider says `mfa`, and turn the second factor off
    with it.
    """
    factor = core.second_factor
    return MFA if factor is not None and user_id and factor.is_on(user_id) else None


def has_second_factor(user_id: str, core: Core) -> bool:
    """Return True if the user can prove two factors: with an authenticator app or a passkey. Raises AdapterError."""
    if core.second_factor is not None and core.second_factor.is_on(user_id):
        return True
    return has_passkey(user_id, core)


def has_passkey(user_id: str, core: Core) -> bool:
    """Return True if the user can sign in with a passkey. Raises AdapterError."""
    return core.passkeys is not None and bool(core.passkeys.store.list(user_id))


def check_level(result: SessionResult, core: Core) -> None:
    """Raise SessionRequired if the user of this session has a second factor that the session does not have.

    For the end of a change that began with a recent authentication: the user may have added the second factor since. Raises
    AdapterError.
    """
    level = required_level(result.user_id, core)
    if level is not None and level not in methods_of(result.token):
        raise SessionRequired("the second factor was added in the meantime")
