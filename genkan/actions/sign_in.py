"""`POST /api/auth/signin/<provider>`: start a flow and redirect to the provider."""

from __future__ import annotations

import logging
from dataclasses import replace

from genkan.actions.callback_url import callback_url, callback_url_cookie, error_redirect
from genkan.core import Core
from genkan.errors import AuthError, CrossOriginRequest, InvalidProvider, MissingCSRF, TooManyRequests
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.checks import Purpose
from genkan.oauth.reauthentication import requested_max_age
from genkan.session import reader

_log = logging.getLogger("genkan.sign_in")


def sign_in(provider_id: str | None, request: ActionRequest, core: Core) -> ActionResponse:
    """Start a sign-in with this provider. With `purpose=fresh` in the form, reauthenticate the signed-in user.

    Without a provider, redirects to the sign-in page. Needs the CSRF token. An existing session does not change. Raises
    CrossOriginRequest.
    """
    purpose: Purpose = "fresh" if request.body.get("purpose") == "fresh" else "sign_in"
    try:
        if request.csrf_token and request.cookies.is_empty:
            core.csrf.check_origin(request.headers)
            raise MissingCSRF("no cookies", reason="cookies")
        core.csrf.verify(request)
        # The session names the user, never the form. Without a session the user signs in.
        user_id = reader.user_id_of(request.cookies, core.sessions) if provider_id and purpose == "fresh" else None
        return start_flow(provider_id, request, core, purpose="fresh" if user_id else "sign_in", user_id=user_id or "")
    except CrossOriginRequest:
        raise
    except AuthError as error:
        extra = {"event": "sign-in-failed", "code": error.code, "detail": str(error)}
        _log.warning("sign-in not started", extra=extra)
        url = callback_url(request, core)
        response = error_redirect(error, core, purpose=purpose, callback_url=url)
        return replace(response, cookies=callback_url_cookie(url, request, core))


def start_flow(
    provider_id: str | None, request: ActionRequest, core: Core, *, purpose: Purpose = "sign_in", user_id: str = ""
) -> ActionResponse:
    """Start a flow for this purpose and redirect to the provider. The CSRF token has been verified before.

    Raises InvalidProvider, TooManyRequests, and what `OAuthClient.authorization_url` raises.
    """
    url = callback_url(request, core)
    # The page that a link flow ends at reports success, so a later sign-in must not end there.
    remembered = callback_url_cookie(url, request, core) if purpose != "link" else ()
    if provider_id is None and not core.json_only:
        return ActionResponse(location=core.action_url("/signin"), cookies=remembered)
    provider = core.providers.get(provider_id or "")
    if provider is None:
        raise InvalidProvider
    if not core.rate_limit.allow(request.remote_addr):
        raise TooManyRequests("too many from one address; behind a proxy, is TRUSTED_PROXY_HOPS set?")
    max_age = requested_max_age(provider) if purpose == "fresh" else None
    flow, cookies = core.checks.create(
        provider.id, url, request.cookies, purpose=purpose, user_id=user_id, max_age=max_age
    )
    location = core.oauth.authorization_url(provider, flow, request.query)
    return ActionResponse(location=location, cookies=(*remembered, *cookies))
