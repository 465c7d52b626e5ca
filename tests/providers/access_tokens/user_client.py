"""Client whose user has an access token, and the outcome of asking for it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from genkan.actions.access_token import access_token
from genkan.core import Core
from genkan.errors import AdapterError, ProviderError, ProviderUnavailable, ReauthorizationRequired
from genkan.types import Account
from tests.provider_client import ProviderClient, get_state
from tests.servers.faulty.provider import FaultyProvider

HOUR = 3600


class UserClient(ProviderClient):
    """Client with a session whose first access token is valid for an hour."""

    def __init__(self, app: Flask, op: FaultyProvider) -> None:
        super().__init__(app, op)
        self.core: Core = get_state(app).core
        self.sign_in_as()
        self.id = str((self.session() or {})["user"]["id"])

    def token(self) -> str:
        """Return the access token as a view gets it."""
        return access_token(self.id, "oidc", self.core)

    def account(self) -> Account:
        """Return the stored account."""
        [account] = self.core.adapter.list_accounts(self.id)
        return account

    def lost(self) -> int:
        """Return how often the activity records a lost connection."""
        return [entry.kind for entry in self.core.sessions.store.list_activity(self.id, 100)].count("connection-lost")


def outcome(function: Callable[[], str]) -> str | type[Exception]:
    """Return the token or the type of the exception."""
    try:
        return function()
    except (ReauthorizationRequired, ProviderUnavailable, ProviderError, AdapterError) as error:
        return type(error)
