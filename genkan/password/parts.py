"""The parts of sign-in by password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from genkan.adapters.addresses import AddressStore
from genkan.password.hasher import PasswordHasher
from genkan.password.known import KnownBrowsers
from genkan.password.policy import PasswordPolicy
from genkan.password.throttle import PasswordThrottle


class Fields(NamedTuple):
    """Names of the form fields of `POST /api/auth/callback/credentials`."""

    email: str = "email"
    password: str = "password"


Authorize = Callable[[dict[str, Any]], Any]
"""Auth.js's `authorize` callback: returns the user with these credentials, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSignIn:
    """Sign-in by password of one application."""

    store: AddressStore
    hasher: PasswordHasher
    policy: PasswordPolicy
    throttle: PasswordThrottle
    known: KnownBrowsers
    fields: Fields
