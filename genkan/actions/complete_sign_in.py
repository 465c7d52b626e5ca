"""Sign in the user of an identity: find or create the user, ask the callbacks, start the session, redirect."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from genkan import signals
from genkan.actions.callback_url import apply_redirect_callback
from genkan.actions.last_used import last_used_cookie
from genkan.actions.second_factor.require import require_second_factor
from genkan.actions.users import reload_sessions
from genkan.callbacks import SignInParams
from genkan.core import Core
from genkan.errors import AccessDenied, AccountMismatch, AdapterError, AuthError, OAuthAccountNotLinked
from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.checks import Flow
from genkan.session import issuer, reader, revoker
from genkan.session.activity import ClientInfo, log_activity, log_denials, log_refused_address
from genkan.types import ProviderIdentity, User

_log = logging.getLogger("genkan.sign_in")


def complete_sign_in(identity: ProviderIdentity, flow: Flow, request: ActionRequest, core: Core) -> ActionResponse:
    """Sign in the user of this identity with a new session. Raises AuthError if that is refused, AdapterError."""
    user = user_by_account(identity, core)
    user_id = user.id if user else None
    with log_denials(user_id, core.sessions, client=client_of(request), provider=identity.account.provider):
        return sign_in_identity(identity, user, flow.callback_url, request, core)


def complete_reauthentication(
    identity: ProviderIdentity, flow: Flow, request: ActionRequest, core: Core
) -> ActionResponse:
    """Sign in the user of the flow again, with a new session.

    Raises AccountMismatch if the identity or the current session is another user's, and like `complete_sign_in`.
    """
    user = user_by_account(identity, core)
    with log_denials(flow.user_id, core.sessions, client=client_of(request), provider=identity.account.provider):
        if user is None or user.id != flow.user_id:
            raise AccountMismatch("another account than that user's")
        if reader.user_id_of(request.cookies, core.sessions) not in (None, flow.user_id):
            raise AccountMismatch("another user's session in this browser")
        return sign_in_identity(identity, user, flow.callback_url, request, core, is_fresh=True)


def user_by_account(identity: ProviderIdentity, core: Core) -> User | None:
    """Return the user whom this account is linked to. None if there is none. Raises AdapterError."""
    user = core.adapter.get_user_by_account(identity.account.provider, identity.account.provider_account_id)
    # Without a database only the id is known. The rest is what the provider has sent.
    return replace(identity.user, id=user.id, role=user.role) if user and core.is_stateless else user


def authorize_sign_in(
    user: User, identity: ProviderIdentity, core: Core, *, credentials: Mapping[str, Any] | None = None
) -> str | None:
    """Decide whether this user may sign in. None if so, or the absolute URL that the `sign_in` callback sends them to.

    `credentials` are the fields of a sign-in by password. Raises AccessDenied if the user is disabled or the callback
    refuses.
    """
    if user.disabled:
        raise AccessDenied("disabled")
    try:
        params = SignInParams(user, identity.account, identity.profile, credentials=credentials)
        result = core.callbacks.sign_in(params)
    except AuthError:
        raise
    except Exception as error:
        raise AccessDenied(f"sign_in callback: {type(error).__name__}") from error
    if not result:
        raise AccessDenied("sign_in callback")
    return apply_redirect_callback(result, core) if isinstance(result, str) else None


def sign_in_identity(
    identity: ProviderIdentity,
    user: User | None,
    url: str,
    request: ActionRequest,
    core: Core,
    *,
    credentials: Mapping[str, Any] | None = None,
    is_fresh: bool = False,
) -> ActionResponse:
    """Sign in the user of this identity, who is created if `user` is None, and redirect to `url`.

    Raises AuthError if that is refused, and AdapterError.
    """
    redirect_url = authorize_sign_in(user or identity.user, identity, core, credentials=credentials)
    if redirect_url is not None:
        return ActionResponse(location=redirect_url)
    user, is_new_user = _store_user(identity, user, request, core)
    if is_new_user:
        account = replace(identity.account, user_id=user.id)
        log_new_user(user)
        signals.send(signals.account_linked, user=user, account=account, profile=identity.profile)
    return start_session(identity, user, is_new_user, url, request, core, is_fresh=is_fresh)


def log_new_user(user: User) -> None:
    """Log that this user was created, and send the signal."""
    _log.info("user created", extra={"event": "user-created", "user": user.id})
    signals.send(signals.user_created, user=user)


def log_removal(user: User, request: ActionRequest, core: Core) -> None:
    """Log, for the user too, that what had been added before the first proof of the address was removed."""
    log_activity(user.id, "address-proven", core.sessions, client=client_of(request))
    extra = {"event": "address-proven", "user": user.id}
    _log.warning("removed what was added before the address was proven", extra=extra)


def start_session(
    identity: ProviderIdentity,
    user: User,
    is_new_user: bool,
    url: str,
    request: ActionRequest,
    core: Core,
    *,
    is_fresh: bool = False,
    confirm: Callable[[], None] | None = None,
) -> ActionResponse:
    """Start a session of this stored user, who has been authorized, and redirect to `url` or the page for new users.

    The session of the request is replaced. If the user needs a second factor that the identity does not have, no session
    starts, and the redirect leads to the page that asks for it. `is_fresh`: the signed-in user confirms their identity.
    `confirm` is called when the session is stored, and raises AuthError if what has proven the identity was replaced in the
    meantime. Then the session ends. A later replacement ends it, too, because it finds the session. Raises AuthError if a
    callback refuses, and AdapterError.
    """
    identity = replace(identity, account=replace(identity.account, user_id=user.id))
    required = require_second_factor(identity, user, url, request, core, is_new_user=is_new_user, is_fresh=is_fresh)
    if isinstance(required, ActionResponse):
        if confirm is not None:
            confirm()
        return required
    identity = required
    cookies = _start_session(identity, user, is_new_user, request, core, confirm)
    cookies = (*cookies, *last_used_cookie(identity.account.provider, core))
    _log.info("signed in", extra={"event": "signed-in", "user": user.id, "provider": identity.account.provider})
    signals.send(
        signals.signed_in, user=user, account=identity.account, profile=identity.profile, is_new_user=is_new_user
    )
    new_user_page = core.pages.new_user if is_new_user else None
    if new_user_page and new_user_page.startswith("/"):
        new_user_page = core.prefix + new_user_page
    location = apply_redirect_callback(new_user_page, core) if new_user_page else url
    return ActionResponse(location=location, cookies=cookies)


def _store_user(identity: ProviderIdentity, user: User | None, request: ActionRequest, core: Core) -> tuple[User, bool]:
    """Return the stored user, with the unverified address of the identity if none is verified, and True for a new one.

    A change of the stored address, or why it did not change, is logged. Raises OAuthAccountNotLinked if another user
    has the verified address of a new user.
    """
    email = identity.user.email
    is_known = user is not None and user.email_verified is not None and user.email == email
    holder = core.adapter.get_user_by_email(email) if email and not is_known else None
    is_new, may_claim = False, holder is not None and holder.email_verified is None
    if user is not None:
        may_claim = may_claim and _has_other_ways(user, core)
        stored = core.adapter.refresh_user(replace(identity.user, id=user.id), identity.account)
        _report_address(email, stored, holder, identity)
        if user.email_verified is not None and user.email != stored.email:
            _log.info("address changed", extra={"event": "address-changed", "user": user.id})
            # The user's other sessions have the address of before.
            reload_sessions(user.id, core)
    else:
        try:
            stored, is_new = core.adapter.create_user(identity.user, identity.account, identity.profile)
        except OAuthAccountNotLinked as error:
            _log_refused_address(identity, error, core)
            raise
    if may_claim and holder is not None and holder.id == stored.id and stored.email_verified is not None:
        log_removal(stored, request, core)
    if holder is not None and holder.id != stored.id and holder.email_verified is None:
        # The holder's unverified address may now be the verified address of this user.
        reload_sessions(holder.id, core)
    if stored.email_verified is None:
        stored = replace(stored, unverified_email=identity.user.unverified_email)
    return stored, is_new


def _has_other_ways(user: User, core: Core) -> bool:
    """Return True if the user has several accounts or a password. The first proof of the address removes the others."""
    if core.email is not None and core.email.stores.addresses.password(user.id) is not None:
        return True
    return len(core.adapter.list_accounts(user.id)) > 1


def _report_address(email: str | None, stored: User, holder: User | None, identity: ProviderIdentity) -> None:
    """Log why the verified address that the provider sent was not stored, if it was not."""
    if email is None or stored.email == email or stored.email_verified is None:
        return
    is_taken = holder is not None and holder.id != stored.id and holder.email_verified is not None
    reason = "another user has it" if is_taken else "the user has several accounts, or signs in with the stored one"
    extra = {"event": "address-kept", "user": stored.id, "provider": identity.account.provider, "detail": reason}
    _log.warning("the provider's address of the user is another one and was not stored", extra=extra)


def _log_refused_address(identity: ProviderIdentity, error: OAuthAccountNotLinked, core: Core) -> None:
    owner = core.adapter.get_user_by_email(identity.user.email or "")
    if owner is not None and owner.email_verified is not None:
        log_refused_address(
            owner.id, core.sessions, provider=identity.account.provider, detail=error.reason or error.code
        )


def _start_session(
    identity: ProviderIdentity,
    user: User,
    is_new_user: bool,
    request: ActionRequest,
    core: Core,
    confirm: Callable[[], None] | None,
) -> tuple[Cookie, ...]:
    previous = reader.read(request.cookies, core.sessions)
    client = client_of(request)
    try:
        token = issuer.first_token(identity, user, is_new_user, core.sessions)
        record = issuer.new_record(token, identity, client, core.sessions)
        replaces = revoker.find_session_id(previous, core.sessions)
        cookies, revoked = issuer.create_session(token, record, previous.cookie_names, core.sessions, replaces=replaces)
    except (AuthError, AdapterError):
        raise
    except Exception as error:
        raise AuthError(f"callback: {type(error).__name__}") from error
    core.sessions.revocations.read_now()
    revoker.announce(revoked, core.sessions)
    try:
        if confirm is not None:
            confirm()
    except (AuthError, AdapterError):
        revoker.revoke_id(record.id, "ended", core.sessions)
        raise
    revoker.revoke_further(previous, core.sessions)
    log_activity(user.id, "signed-in", core.sessions, client=client, provider=record.provider, at=record.created)
    # A new CSRF token with every sign-in.
    return (*cookies, core.csrf.cookie(core.csrf.create()))


def client_of(request: ActionRequest) -> ClientInfo:
    """Return the device and the address that the request came from."""
    return ClientInfo.of(request.user_agent, request.remote_addr)
