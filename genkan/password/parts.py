"""The parts of sign-in by password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from genkan.adapters.addresses import AddressStore
from genkan.callbacks import AuthorizeCallback
from genkan.http.known_browsers import KnownBrowsers
from genkan.password.hasher import PasswordHasher
from genkan.password.policy import PasswordPolicy
from genkan.password.throttle import PasswordThrottle


class Fields(NamedTuple):
    """Names of the form fields of `POST /api/auth/callback/credentials`."""

    email: str = "email"
    password: str = "password"

    @property
    def is_address(self) -> bool:
        """True if the name of the first field says that it is an address."""
        return self.email == "email"

    @property
    def labels(self) -> tuple[str, str]:
        """The labels of both fields on the sign-in page. Other names than the default ones are their own labels."""
        first = "E-mail address" if self.is_address else self.email.replace("_", " ").capitalize()
        return first, self.password.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeSignIn:
    """Sign-in with credentials that the application checks itself."""

    authorize: AuthorizeCallback
    throttle: PasswordThrottle
    known: KnownBrowsers
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSignIn:
    """Sign-in by password of one application."""

    store: AddressStore
    hasher: PasswordHasher
    policy: PasswordPolicy
    throttle: PasswordThrottle
    known: KnownBrowsers
    fields: Fields
