"""The application's say: what it is asked about sign-ins, redirects, tokens and sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genkan.http.urls import same_origin_url
from genkan.types import JSON, Account, Profile, Session, Token, User

Trigger = Literal["signIn", "signUp", "update", "refresh"]
"""`refresh` is ours: what is stored of the user has changed since the token was made, and `user` is the stored one."""


@dataclass(frozen=True, slots=True)
class SignInParams:
    """May this person come in? `user` is the stored one if the account is known, else the one about to be made."""

    user: User
    account: Account
    profile: Profile


@dataclass(frozen=True, slots=True)
class RedirectParams:
    """Where to, after signing in or out? `base_url` is our origin, without a path."""

    url: str
    base_url: str


@dataclass(frozen=True, slots=True)
class JWTParams:
    """What goes into the token?

    At sign-in everything is given; later only `token`, and `session` on an update, or `user` on a refresh.
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
    """What is the application, and the browser, told? `session` is the default answer, `token` all there is."""

    session: Session
    token: Token


SignInCallback = Callable[[SignInParams], bool | str]
RedirectCallback = Callable[[RedirectParams], str]
JWTCallback = Callable[[JWTParams], Token | None]
SessionCallback = Callable[[SessionParams], Session | None]


def default_sign_in(params: SignInParams) -> bool:
    """The default `sign_in` callback."""
    return True


def default_redirect(params: RedirectParams) -> str:
    """The default `redirect` callback: anything of our own origin, and our front page for the rest (R1)."""
    return same_origin_url(params.url, params.base_url) or params.base_url


def default_jwt(params: JWTParams) -> Token | None:
    """The default `jwt` callback."""
    return params.token


def default_session(params: SessionParams) -> Session | None:
    """The default `session` callback: name, email and image."""
    return params.session


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The application's say, in Auth.js's order and meaning.

    `sign_in` returns True, False (AccessDenied) or a URL to go to instead; `jwt` a token, or None to end the
    session; `session` what to tell, or None. Whatever they raise is logged; a session that cannot be worked out
    is no session.
    """

    sign_in: SignInCallback = default_sign_in
    redirect: RedirectCallback = default_redirect
    jwt: JWTCallback = default_jwt
    session: SessionCallback = default_session
