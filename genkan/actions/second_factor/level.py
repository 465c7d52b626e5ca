"""The level that a change of the ways to sign in needs."""

from __future__ import annotations

from genkan.core import Core
from genkan.oauth.reauthentication import MFA, Level


def required_level(user_id: str | None, core: Core) -> Level | None:
    """Return `mfa` if the user has a second factor, which adding or removing a way to sign in then needs. Raises AdapterError.

    Otherwise one factor could add a passkey, or an account whose provider says `mfa`, and turn the second factor off with it.
    """
    factor = core.second_factor
    return MFA if factor is not None and user_id and factor.is_on(user_id) else None
