"""Sign in, link, sign out, update the session and get a provider's token from an application's own view."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from genkan.actions import access_token as access_tokens
from genkan.actions.callback_url import callback_url, error_redirect
from genkan.actions.second_factor.level import required_level
from genkan.actions.sign_in import start_flow
from genkan.actions.sign_out import sign_out as sign_out_action
from genkan.actions.sign_out import sign_out_silently
from genkan.actions.update_session import apply_update
from genkan.core import Core
from genkan.errors import AuthError, ConfigurationError, SessionRequired
from genkan.http.csrf import SAFE_METHODS
from genkan.http.messages import ActionRequest
from genkan.providers.base import Provider
from genkan.session.reader import NO_SESSION, SessionResult
from genkan.types import JSON, Session
from genkan.web.access import require_fresh
from genkan.web.context import get_core, queue_cookies, session_result, set_csrf_pair, set_session_result
from genkan.web.convert import to_request, to_response
from genkan.web.menu import account_url, home_url

LINK_MAX_AGE = 300
"""Seconds. A user who links an account must have authenticated in this time."""


def sign_in(provider_id: str, *, redirect_to: str | None = None) -> Response:
    """Start a sign-in. Return this response from the view. It ends at `redirect_to`, by default the front page.

    Only for POST requests, whose CSRF token has been checked. Raises ConfigurationError for other methods.
    """
    core, action_request = get_core(), _unsafe_request(redirect_to)
    try:
        return to_response(start_flow(provider_id, action_request, core))
    except AuthError as error:
        return to_response(error_redirect(error, core))


def link(provider_id: str, *, redirect_to: str | None = None) -> Response:
    """Start linking an account to the signed-in user. Return this response from the view.

    It ends at `redirect_to`, by default the account page, or the front page if there is none. Only for POST requests,
    like `sign_in`. Without a session, or if the user authenticated more than LINK_MAX_AGE seconds ago, or without the
    second factor that the user has, the response is that of `require_fresh`. Raises ConfigurationError without a
    database.
    """
    core = get_core()
    core.require_database("link()")
    action_request = _unsafe_request(redirect_to or (home_url() if core.json_only else account_url()))
    refusal = require_fresh(LINK_MAX_AGE, required_level(session_result().user_id, core))
    if refusal is not None:
        return refusal
    try:
        user_id = session_result().user_id
        if not user_id:
            raise SessionRequired
        return to_response(start_flow(provider_id, action_request, core, purpose="link", user_id=user_id))
    except AuthError as error:
        url = callback_url(action_request, core)
        return to_response(error_redirect(error, core, purpose="link", callback_url=url))


def sign_out(*, redirect_to: str | None = None) -> Response:
    """Sign out, and redirect, by default to the front page. Return this response from the view.

    From here on `auth()` is None.

    Only for POST requests, like `sign_in`.
    """
    response = sign_out_action(session_result(), _unsafe_request(redirect_to), get_core())
    set_session_result(NO_SESSION)
    return to_response(response)


def revoke_current_session() -> None:
    """End the session of the current request, if it has one, whatever the response will be. `auth()` is None from here on.

    Any method will do: the caller decides that the user signs out.
    """
    result, core = session_result(), get_core()
    if not result.cookie_names:
        return
    set_cookies = sign_out_silently(result, core)
    queue_cookies(*set_cookies)
    set_csrf_pair(set_cookies[-1])
    set_session_result(NO_SESSION)


def update(data: JSON = None) -> Session | None:
    """Pass `data` to the jwt callback with `trigger="update"`, and return the new session.

    None if no user is signed in or the callback returns None, which revokes the session. Unlike a client's update, the
    data may have any fields. Raises what the callbacks raise, and AdapterError. Then nothing has changed.
    """
    result = session_result()
    if result.cached is None:
        return None
    cached, cookies = apply_update(data, result.cookie_value, result.cookie_names, get_core().sessions)
    queue_cookies(*cookies)
    # A sign-out later in this request must also delete the cookies that were written here.
    names = dict.fromkeys((*result.cookie_names, *(cookie.name for cookie in cookies)))
    set_session_result(SessionResult(cached, tuple(names)))
    return cached.session if cached else None


def access_token(provider_id: str, *, provider_account_id: str | None = None) -> str:
    """Return an access token of this provider for the signed-in user, valid for 30 seconds at least.

    It is refreshed if necessary, once for all requests that ask at the same time. Of several accounts at the provider
    the first that has a token is used, or the one with `provider_account_id`. Raises SessionRequired,
    ReauthorizationRequired, ProviderUnavailable (try again later), ProviderError, InvalidProvider and AdapterError. The
    first three get a response if the view does not catch them. Raises ConfigurationError without a database.
    """
    get_core().require_database("access_token()")
    user_id = session_result().user_id
    if not user_id:
        raise SessionRequired
    return access_tokens.access_token(user_id, provider_id, get_core(), provider_account_id=provider_account_id)


def linked_providers(core: Core) -> list[Provider] | None:
    """Return the enabled providers that the signed-in user has an account at. None if no user is. Raises AdapterError.

    All enabled providers without a database, which alone knows the accounts.
    """
    result = session_result()
    if result.cached is None:
        return None
    if core.is_stateless:
        return list(core.providers.values())
    accounts = core.adapter.list_accounts(result.user_id) if result.user_id else []
    ids = {account.provider for account in accounts}
    return [provider for provider in core.providers.values() if provider.id in ids]


def _unsafe_request(redirect_to: str | None) -> ActionRequest:
    url = redirect_to or home_url()
    action_request = to_request()
    if action_request.method in SAFE_METHODS:
        raise ConfigurationError("sign_in(), link() and sign_out() need a POST request, so that no link can call them.")
    return replace(action_request, body={**action_request.body, "callbackUrl": url})
