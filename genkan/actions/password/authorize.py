"""`POST /api/auth/callback/credentials` where the application checks credentials itself: Auth.js's `authorize`."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from genkan.actions.callback_url import callback_url, callback_url_cookie
from genkan.actions.complete_sign_in import (
    authorize_sign_in,
    client_of,
    log_new_user,
    sign_in_identity,
    start_session,
    user_by_account,
)
from genkan.actions.known_browser import is_known_browser, known_cookie
from genkan.actions.password.sign_in import require_same_user
from genkan.adapters import NO_PROFILE
from genkan.claims import normalize_subject, to_user
from genkan.core import Core
from genkan.errors import AccessDenied, AdapterError, AuthError, CredentialsSignin, ServerBusy
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.password.parts import AuthorizeSignIn
from genkan.providers.base import ProfileUser
from genkan.session.activity import log_denials
from genkan.types import Account, ProviderIdentity, User

PROVIDER = "credentials"
"""Provider of the account of a user whom the application names by a mapping. Its subject is the `id`."""

MAX_KEY = 254
"""Characters of the first field that attempts are counted by."""

_log = logging.getLogger("genkan.password")


class Authorized(NamedTuple):
    """A user whom `authorize` has returned."""

    identity: ProviderIdentity
    stored: User | None
    """Our user. None at the first sign-in."""
    own_user: Any = None
    """The application's own user, if it has returned one."""
    role: str | None = None
    """The role in a mapping."""


def sign_in(request: ActionRequest, core: Core, way: AuthorizeSignIn) -> ActionResponse:
    """Sign in the user whom the application returns for the fields of the form, and redirect to the callback URL.

    Needs the CSRF token. With `purpose=fresh` in the form, confirm the identity of the signed-in user. Raises
    CredentialsSignin if the application returns none, other AuthErrors, and AdapterError. Then nothing has changed.
    """
    core.csrf.verify(request)
    url = callback_url(request, core)
    key = _key(request.text(way.fields.email))
    # A copy, in which the application may change what it likes.
    credentials = {name: value for name, value in request.body.items() if name != "csrfToken"}
    found = _find(_call(credentials, key, request, core, way), core)
    user_id = found.stored.id if found.stored is not None else None
    with log_denials(user_id, core.sessions, client=client_of(request), provider=PROVIDER):
        is_fresh = request.body.get("purpose") == "fresh"
        if is_fresh:
            require_same_user(user_id or "", request, core)
        response = _sign_in(found, credentials, url, request, core, is_fresh=is_fresh)
    remembered = callback_url_cookie(url, request, core)
    known = known_cookie(_subject(key), core, way.known)
    return replace(response, cookies=(*response.cookies, *remembered, known))


def _call(credentials: dict[str, Any], key: str, request: ActionRequest, core: Core, way: AuthorizeSignIn) -> Any:
    """Return what the application returns. Raises CredentialsSignin for None, and what the application raises.

    The attempt counts as a wrong password until the application has returned a user, also if its code fails: it may raise
    any exception for a wrong password.
    """
    known = is_known_browser(_subject(key), request, core, way.known)
    attempt = way.throttle.begin(key, request.remote_addr, known=known)
    if attempt.wait:
        raise CredentialsSignin(f"wait {attempt.wait} s", reason="throttled")
    try:
        user = way.authorize(dict(credentials))
    except CredentialsSignin as error:
        way.throttle.failed(attempt)
        code = error.client_code if error.code == CredentialsSignin.code else error.code
        raise CredentialsSignin(client_code=code) from error
    except (ServerBusy, AdapterError):
        way.throttle.cancel(attempt)
        raise
    except AuthError:
        way.throttle.failed(attempt)
        raise
    except Exception as error:
        way.throttle.failed(attempt)
        raise AuthError(f"authorize: {type(error).__name__}") from error
    if user is None:
        way.throttle.failed(attempt)
        raise CredentialsSignin
    way.throttle.succeeded(attempt)
    return user


def _find(user: Any, core: Core) -> Authorized:
    """Return what is known about the user whom the application has returned. Raises AuthError and AdapterError."""
    if isinstance(user, User) and not core.is_stateless:
        stored = core.adapter.get_user(user.id)
        if stored is None:
            raise AccessDenied("authorize: no User with that id is stored")
        return Authorized(_identity(stored, stored.id, core), stored)
    if isinstance(user, User | Mapping):
        return _find_by_account(user, core)
    if core.own_users is None or not core.own_users.owns(user):
        raise AccessDenied(f"authorize: it returned no user ({type(user).__name__})")
    name, email, image = (getattr(user, field, None) for field in ("name", "email", "image"))
    profile = to_user(ProfileUser(None, name, email, image), core.clock())
    user_id = core.own_users.find_id(user)
    stored = core.adapter.get_user(user_id) if user_id is not None else None
    return Authorized(_identity(profile, user_id or "", core), stored, user)


def _find_by_account(user: User | Mapping[str, Any], core: Core) -> Authorized:
    """Return the user of the account that has the application's id of the user."""
    values: Mapping[str, Any] = asdict(user) if isinstance(user, User) else user
    try:
        subject = normalize_subject(values.get("id"))
    except AuthError as error:
        raise AccessDenied("authorize: the user has no id") from error
    verified = bool(values.get("email_verified") or values.get("emailVerified"))
    profile = to_user(
        ProfileUser(subject, values.get("name"), values.get("email"), values.get("image"), verified), core.clock()
    )
    role = values.get("role") if isinstance(values.get("role"), str) else None
    identity = _identity(replace(profile, role=role), subject, core)
    return Authorized(identity, user_by_account(identity, core), role=role)


def _identity(user: User, subject: str, core: Core) -> ProviderIdentity:
    account = Account(PROVIDER, subject, PROVIDER)
    return ProviderIdentity(user, account, NO_PROFILE, auth_time=int(core.clock()), amr=("pwd",))


def _sign_in(
    found: Authorized,
    credentials: Mapping[str, Any],
    url: str,
    request: ActionRequest,
    core: Core,
    *,
    is_fresh: bool,
) -> ActionResponse:
    identity, stored, is_new = found.identity, found.stored, False
    if found.own_user is None and (stored is None or identity.user is not stored):
        if found.role and stored is not None and stored.role != found.role and not core.is_stateless:
            stored = core.adapter.update_user(stored.id, role=found.role) or stored
        return sign_in_identity(identity, stored, url, request, core, credentials=credentials, is_fresh=is_fresh)
    redirect_url = authorize_sign_in(stored or identity.user, identity, core, credentials=credentials)
    if redirect_url is not None:
        return ActionResponse(location=redirect_url)
    if found.own_user is not None and core.own_users is not None:
        stored, is_new = core.own_users.link(found.own_user, identity.user)
        identity = replace(identity, account=Account(PROVIDER, stored.application_id or "", PROVIDER))
        if is_new:
            log_new_user(stored)
    return start_session(identity, stored or identity.user, is_new, url, request, core, is_fresh=is_fresh)


def _key(text: str) -> str:
    """Return what attempts are counted by. Spellings that an application may take for the same user have the same key."""
    return unicodedata.normalize("NFKC", text[:MAX_KEY]).casefold().strip()


def _subject(key: str) -> str:
    return f"{PROVIDER}:{key}"
