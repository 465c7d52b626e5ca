"""Callbacks with which an application decides about sign-ins, redirects, tokens and sessions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from genkan.adapters.own_users import ExistingUser, NewUser, Role, UserHooks
from genkan.errors import ConfigurationError
from genkan.http.urls import same_origin_url
from genkan.types import JSON, Account, Profile, Session, Token, User, str_claim

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
    verification_request: bool = False
    """True if the user asks for a link by mail, and False when the link is used, as in Auth.js."""
    credentials: Mapping[str, Any] | None = field(default=None, repr=False)
    """The fields of a sign-in by password, with the password. None for other ways to sign in. Never log them."""


@dataclass(frozen=True, slots=True)
class RedirectParams:
    """Parameters of the `redirect` callback: the requested URL and the application's own origin, without a path."""

    url: str
    base_url: str
    further_origins: tuple[str, ...] = ()
    """The origins in AUTH_URLS."""


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
AuthorizeCallback = Callable[[dict[str, Any]], Any]
"""Auth.js's `authorize` callback: returns the user with these credentials, or None."""


def default_sign_in(params: SignInParams) -> bool:
    """Return True: every user may sign in."""
    return True


def default_redirect(params: RedirectParams) -> str:
    """Return the URL if it has the application's own origin or one of AUTH_URLS, else the application's front page."""
    found = (same_origin_url(params.url, origin) for origin in (params.base_url, *params.further_origins))
    return next(filter(None, found), params.base_url)


def default_jwt(params: JWTParams) -> Token | None:
    """Return the token unchanged."""
    return params.token


def default_session(params: SessionParams) -> Session | None:
    """Return the default session, which has the user's name, email and image."""
    return params.session


def add_role(params: JWTParams) -> Token | None:
    """Add the stored role to the token, at a sign-in and when the user has changed. The default `jwt` callback."""
    return params.token if params.user is None else {**params.token, "role": params.user.role}


def add_id_and_role(params: SessionParams) -> Session | None:
    """Add id and role to the session. The default `session` callback."""
    id = str_claim(params.token, "id") or str_claim(params.token, "sub")
    user = replace(params.session.user, id=id, role=str_claim(params.token, "role"))
    return replace(params.session, user=user)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Set of the application's callbacks, called in the same order as in Auth.js.

    `sign_in` returns True, False (the sign-in fails with AccessDenied) or a URL to redirect to. `redirect` returns the
    URL to redirect to. `jwt` returns the token, or None for no session: its cookie is deleted. On an update the session
    is revoked. `session` returns the session, or None for no session.

    An exception in a callback is logged. If it prevents a session from being built, the request has no session.
    """

    sign_in: SignInCallback = default_sign_in
    redirect: RedirectCallback = default_redirect
    jwt: JWTCallback = default_jwt
    session: SessionCallback = default_session
    role: Role | None = None
    """Returns the role of a user, if the application has no users of its own. None keeps the stored role."""
    authorize: AuthorizeCallback | None = None
    """Checks credentials for the application. None: there is no such check."""

    def with_role(self, user: User) -> User:
        """Return the user with the role of the `role` callback. Raises what the callback raises."""
        return user if self.role is None else replace(user, role=self.role(user))


class CallbackRegistry:
    """The callbacks of one application, registered with decorators before the first request."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.callbacks = callbacks
        self.user_hooks = UserHooks()
        self.is_in_use = False
        """True from the first request on. A callback that is registered later would have no effect, so it is refused."""

    def sign_in(self, callback: SignInCallback) -> SignInCallback:
        """Register Auth.js's `signIn` callback. It returns True, False or a URL."""
        self._set_callback(sign_in=callback)
        return callback

    def redirect(self, callback: RedirectCallback) -> RedirectCallback:
        """Register Auth.js's `redirect` callback. It returns the URL to redirect to."""
        self._set_callback(redirect=callback)
        return callback

    def jwt(self, callback: JWTCallback) -> JWTCallback:
        """Register Auth.js's `jwt` callback. It returns the token, or None for no session."""
        self._set_callback(jwt=callback)
        return callback

    def session(self, callback: SessionCallback) -> SessionCallback:
        """Register Auth.js's `session` callback. It returns the session, or None."""
        self._set_callback(session=callback)
        return callback

    def authorize(self, callback: AuthorizeCallback) -> AuthorizeCallback:
        """Register Auth.js's `authorize` callback, with which the application checks credentials itself.

        It gets the fields of the request, without the CSRF token. It returns the application's own user, a stored
        `User`, or a mapping with `id`, and optionally `name`, `email`, `email_verified`, `image` and `role`. None, or a
        raised CredentialsSignin, refuses the sign-in.
        """
        self._set_callback(authorize=callback)
        return callback

    def role(self, callback: Role) -> Role:
        """Register the function that returns a user's role. It is called at a sign-in and when a session is re-issued.

        It gets the application's own user, or a `User` if the application has none.
        """
        self._set_hook(role=callback)
        return callback

    def new_user(self, hook: NewUser) -> NewUser:
        """Register the function that returns a new user of the application for an `Identity`.

        It is called at the first sign-in of an identity. The object is added to the application's session and committed
        with our rows. None, an exception, or a constraint of the table refuses the sign-in.
        """
        self._set_hook(new_user=hook)
        return hook

    def existing_user(self, *, providers: Collection[str] | None = None) -> Callable[[ExistingUser], ExistingUser]:
        """Register the function that returns the application's user who has the verified address of an `Identity`.

        It is called before `new_user`, only for addresses that the provider has verified, and only for `providers` if
        they are given. Return a user only if the application itself has verified that user's address: otherwise another
        person may have registered it first.
        """

        def register(hook: ExistingUser) -> ExistingUser:
            allowed = None if providers is None else frozenset(providers)
            self._set_hook(existing_user=hook, existing_user_providers=allowed)
            return hook

        return register

    def _set_callback(self, **callback: Any) -> None:
        self._check_not_in_use(*callback)
        self.callbacks = replace(self.callbacks, **callback)

    def _set_hook(self, **hook: Any) -> None:
        self._check_not_in_use(*hook)
        self.user_hooks = replace(self.user_hooks, **hook)

    def _check_not_in_use(self, name: str, *_: str) -> None:
        if self.is_in_use:
            raise ConfigurationError(f"@accounts.{name}: it is registered after the first request. Register it before.")
