"""The stores of one application."""

from __future__ import annotations

from typing import NamedTuple

from genkan.adapters.addresses import AddressStores
from genkan.adapters.base import Adapter, Schema
from genkan.adapters.own_users import OwnUsers
from genkan.adapters.passkeys import PasskeyStore
from genkan.adapters.second_factors import SecondFactorStore
from genkan.adapters.sessions import SessionStore


class Stores(NamedTuple):
    """The stores of users, accounts and sessions."""

    adapter: Adapter
    sessions: SessionStore
    schema: Schema | None = None
    """None if there are no tables."""
    own_users: OwnUsers | None = None
    local: AddressStores | None = None
    """None if users can't sign in by mail or by password."""
    passkeys: PasskeyStore | None = None
    """None if users can't sign in with passkeys."""
    factors: SecondFactorStore | None = None
    """None if users can't have a second factor."""
