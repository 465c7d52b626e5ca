"""Clients with a session that this application has started."""

from __future__ import annotations

from genkan.core import Core
from genkan.session import issuer
from genkan.session.activity import ClientInfo
from genkan.types import Account, ProviderIdentity, Token, User
from tests import session_client
from tests.session_client import ADA


class SessionClient(session_client.SessionClient):
    """Client whose sessions start now."""

    def sign_in(self, token: Token = ADA) -> Token:
        """Create a session with these claims. Return the claims of its cookie."""
        return super().sign_in({"iat": self.core.sessions.now(), **token})

    def sign_in_as(self, user: User) -> Token:
        """Create a session with a record for a stored user, as after a sign-in at the provider `hub`."""
        identity = ProviderIdentity(user, Account("hub", user.id, "oidc", user_id=user.id), {})
        token = issuer.first_token(identity, user, False, self.core.sessions)
        record = issuer.new_record(token, identity, ClientInfo("Firefox", None), self.core.sessions)
        self.jar.store(issuer.create_session(token, record, (), self.core.sessions)[0])
        return token


def create_user(core: Core, id: str = "1", name: str = "Ada") -> User:
    """Store a user with an account at the provider `hub`."""
    return core.adapter.create_user(User(id, name), Account("hub", id, "oidc"))[0]
