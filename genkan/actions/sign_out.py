"""`POST /api/auth/signout`: sign out here and, if it is configured, at the provider."""

from __future__ import annotations

import logging
from copy import deepcopy

from genkan import signals
from genkan.actions.callback_url import callback_url, callback_url_cookie
from genkan.adapters.sessions import session_id
from genkan.core import Core
from genkan.errors import AdapterError
from genkan.http import cookies
from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest, ActionResponse, Template
from genkan.session.reader import SessionResult
from genkan.session.revoker import revoke_result

SESSION_CHANGED = '{"session-changed": {"target": "body"}}'
"""The HX-Trigger header. The target is the body, since the element that sent the request is replaced."""

_log = logging.getLogger("genkan.sign_out")


def sign_out(result: SessionResult, request: ActionRequest, core: Core) -> ActionResponse:
    """Revoke the session of this request, delete its cookies and renew the CSRF token. The token was verified before.

    Redirects to the provider if the user signs out there too, else to the callback URL. htmx gets the signed-out menu.
    """
    url = callback_url(request, core)
    deleted = cookies.clear(result.cookie_names, secure=core.secure)
    set_cookies = (*deleted, core.csrf.cookie(core.csrf.create()))
    # The Back button must not show private pages.
    headers = {"Clear-Site-Data": '"cache"'}
    revoke_result(result, "signed-out", core.sessions)
    if result.cached is not None:
        _log.info("signed out", extra={"event": "signed-out", "user": result.user_id})
        signals.send(signals.signed_out, token=deepcopy(result.token))
        at_provider = _start_provider_logout(result, url, core)
        if at_provider is not None:
            location, cookie = at_provider
            return ActionResponse(location=location, cookies=(*set_cookies, cookie), headers=headers)
    if request.is_htmx:
        headers["HX-Trigger"] = SESSION_CHANGED
        return ActionResponse(template=Template(core.pages.menu), cookies=set_cookies, headers=headers)
    set_cookies = (*set_cookies, *callback_url_cookie(url, request, core))
    return ActionResponse(location=url, cookies=set_cookies, headers=headers)


def complete_provider_logout(request: ActionRequest, core: Core) -> ActionResponse:
    """`GET /api/auth/signout/return`: redirect to the callback URL after a sign-out at the provider."""
    location, set_cookies = core.provider_logout.finish(request.query.get("state"), request.cookies)
    return ActionResponse(location=location, cookies=set_cookies)


def _start_provider_logout(result: SessionResult, url: str, core: Core) -> tuple[str, Cookie] | None:
    if not any(provider.rp_initiated_logout for provider in core.providers.values()):
        return None
    sid = session_id(result.token)
    try:
        record = None if sid is None else core.sessions.store.get(sid)
    except AdapterError:
        extra = {"event": "sign-out-local", "reason": "the session record could not be read"}
        _log.warning("signed out here, but not at the provider", extra=extra)
        return None
    provider = core.providers.get(record.provider) if record else None
    if record is None or provider is None or not provider.rp_initiated_logout:
        return None
    return core.provider_logout.start(provider, record.id_token, url)
