"""Callbacks with which an application decides about sign-ins, redirects, tokens and sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genkan.http.urls import same_origin_url
from genkan.types import JSON, Account, Profile, Session, Token, User

Trigger = Literal["signIn", "signUp", "update", "refresh"]
"""Reason for a call of the `jwt` callback, as in Auth.js. Genkan adds `refresh`: the stored user has changed since
the token was issued, and `JWTParams.user` is the stored user."""


@dataclass(frozen=True, slots=True)
class SignInParams:
    """Parameters of the `sign_in` callback.

    `user` is the stored user if the account is known, else the user that is about to be created.
    """

    user: User
    account: Account
    profile: Profile


@dataclass(frozen=True, slots=True)
class RedirectParams:
    """Parameters of the `redirect` callback: the requested URL and the application's own origin, without a path."""

    url: str
    base_url: str


@dataclass(frozen=True, slots=True)
class JWTParams:
    """Parameters of the `jwt` callback.

    At sign-in every field is set. Later calls set `token`, and `session` on an update or `user` on a refresh.
    """

    token: Token
    user: User | None = None
    account: Account | None = None
    profile: Profile | None = None
    is_new_user: bool | None = None
    trigger: Trigger | None = None
    session: JSON = None


@dataclass(frozen=True, slots=True)
class SessionParams:
    """Parameters of the `session` callback: the default session and all claims of its token."""

    session: Session
    token: Token


SignInCallback = Callable[[SignInParams], bool | str]
RedirectCallback = Callable[[RedirectParams], str]
JWTCallback = Callable[[JWTParams], Token | None]
SessionCallback = Callable[[SessionParams], Session | None]


def default_sign_in(params: SignInParams) -> bool:
    """Return True: every user may sign in."""
    return True


def default_redirect(params: RedirectParams) -> str:
    """Return the URL if it has the application's own origin, else the application's front page."""
    return same_origin_url(params.url, params.base_url) or params.base_url


def default_jwt(params: JWTParams) -> Token | None:
    """Return the token unchanged."""
    return params.token


def default_session(params: SessionParams) -> Session | None:
    """Return the default session, which has the user's name, email and image."""
    return params.session


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Set of the application's callbacks, called in the same order as in Auth.js.

    `sign_in` returns True, False (the sign-in fails with AccessDenied) or a URL to redirect to. `redirect` returns the
    URL to redirect to. `jwt` returns the token, or None for no session: its cookie is deleted. On an update the session is revoked. `session` returns the session, or None
    for no session.

    An exception in a callback is logged. If it prevents a session from being built, the request has no session.
    """

    sign_in: SignInCallback = default_sign_in
    redirect: RedirectCallback = default_redirect
    jwt: JWTCallback = default_jwt
    session: SessionCallback = default_session
