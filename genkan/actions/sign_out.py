"""`POST /api/auth/signout`: sign out here and, if it is configured, at the provider."""

from __future__ import annotations

import logging
from copy import deepcopy

from genkan import signals
from genkan.actions.callback_url import callback_url, callback_url_cookie, error_redirect
from genkan.core import Core
from genkan.errors import AdapterError, InvalidCheck, TokenError
from genkan.http import cookies
from genkan.http.cookies import Cookie
from genkan.http.messages import ActionRequest, ActionResponse, Template
from genkan.session.reader import SessionResult
from genkan.session.revoker import find_session_id, revoke_further, revoke_id

SESSION_CHANGED = '{"session-changed": {"target": "body"}}'
"""The HX-Trigger header. The target is the body, since the element that sent the request is replaced."""

TICKET_MAX_AGE = 900
"""Seconds in which a sign-out that could not be stored can be tried again."""

RETRY_SECONDS = 5
"""The Retry-After header while the session can't be revoked."""

_log = logging.getLogger("genkan.sign_out")


def sign_out(result: SessionResult, request: ActionRequest, core: Core) -> ActionResponse:
    """Revoke the session of this request, delete its cookies and renew the CSRF token. The token was verified before.

    Redirects to the provider if the user signs out there too, else to the callback URL. htmx gets the signed-out menu. If
    the store fails, the cookies are deleted, and the response says that the session has not ended and offers to try
    again with a ticket.
    """
    set_cookies = _new_cookies(result, core)
    try:
        sid = _revoke(result, core)
    except AdapterError:
        return _incomplete(_ticket(result, core), set_cookies, request, core)
    return _complete(sid, set_cookies, request, core)


def sign_out_silently(result: SessionResult, core: Core) -> tuple[Cookie, ...]:
    """Revoke the session of this request. Return the cookies for the response, which is that of the caller.

    If the store fails, a log record says so, and only the cookies are deleted.
    """
    try:
        _revoke(result, core)
    except AdapterError:
        _log_incomplete()
    return _new_cookies(result, core)


def retry_sign_out(ticket: str, request: ActionRequest, core: Core) -> ActionResponse:
    """Revoke the session of this ticket, and no other. No cookie of a session is deleted. Responds like `sign_out`."""
    try:
        claims = core.sign_out_tickets.open(ticket)
    except TokenError:
        return error_redirect(InvalidCheck("sign-out ticket"), core)
    try:
        sid = claims["sid"] or find_session_id(SessionResult(cookie_value=claims["cookie_value"]), core.sessions)
        if sid is not None:
            revoke_id(sid, "signed-out", core.sessions)
    except AdapterError:
        return _incomplete(ticket, (), request, core)
    _log.info("signed out", extra={"event": "signed-out"})
    return _complete(sid, (), request, core)


def complete_provider_logout(request: ActionRequest, core: Core) -> ActionResponse:
    """`GET /api/auth/signout/return`: redirect to the callback URL after a sign-out at the provider."""
    location, set_cookies = core.provider_logout.finish(request.query.get("state"), request.cookies)
    return ActionResponse(location=location, cookies=set_cookies)


def _revoke(result: SessionResult, core: Core) -> str | None:
    """Revoke the session and return its id, if it has one. Raises AdapterError."""
    sid = find_session_id(result, core.sessions)
    if sid is not None:
        revoke_id(sid, "signed-out", core.sessions)
    revoke_further(result, core.sessions)
    if result.cached is not None:
        _log.info("signed out", extra={"event": "signed-out", "user": result.user_id})
        signals.send(signals.signed_out, token=deepcopy(result.token))
    return sid


def _new_cookies(result: SessionResult, core: Core) -> tuple[Cookie, ...]:
    """Return the cookies that delete the session and renew the CSRF token."""
    return (*cookies.clear(result.cookie_names, secure=core.secure), core.csrf.cookie(core.csrf.create()))


def _log_incomplete() -> None:
    _log.error("session was not revoked", extra={"event": "sign-out-incomplete"})


def _complete(sid: str | None, set_cookies: tuple[Cookie, ...], request: ActionRequest, core: Core) -> ActionResponse:
    url = callback_url(request, core)
    at_provider = _start_provider_logout(sid, url, core)
    if at_provider is not None:
        location, cookie = at_provider
        return ActionResponse(location=location, cookies=(*set_cookies, cookie))
    if request.is_htmx and not core.json_only:
        headers = {"HX-Trigger": SESSION_CHANGED}
        return ActionResponse(template=Template(core.pages.menu), cookies=set_cookies, headers=headers)
    set_cookies = (*set_cookies, *callback_url_cookie(url, request, core))
    return ActionResponse(location=url, cookies=set_cookies)


def _incomplete(ticket: str, set_cookies: tuple[Cookie, ...], request: ActionRequest, core: Core) -> ActionResponse:
    """Say that the session has not ended, with 503. htmx gets the menu that says so with 202, since it swaps no error."""
    _log_incomplete()
    headers = {"Retry-After": str(RETRY_SECONDS)}
    if request.is_htmx and not core.json_only:
        headers["HX-Trigger"] = SESSION_CHANGED
        menu = Template(core.pages.menu, {"sign_out_ticket": ticket})
        return ActionResponse(202, template=menu, cookies=set_cookies, headers=headers)
    context = {"ticket": ticket, "callback_url": callback_url(request, core)}
    template = Template("genkan/sign_out_incomplete.html", context)
    body = {"error": "temporarily_unavailable"}
    return ActionResponse(503, template=template, body=body, cookies=set_cookies, headers=headers)


def _ticket(result: SessionResult, core: Core) -> str:
    """Return a sealed ticket that revokes exactly this session."""
    try:
        claims = {"sid": find_session_id(result, core.sessions), "cookie_value": ""}
    except AdapterError:
        # The `database` strategy: the cookie is a short random token, and only the store knows its session.
        claims = {"sid": None, "cookie_value": result.cookie_value}
    return core.sign_out_tickets.seal(claims, TICKET_MAX_AGE)


def _start_provider_logout(sid: str | None, url: str, core: Core) -> tuple[str, Cookie] | None:
    if sid is None or not any(provider.rp_initiated_logout for provider in core.providers.values()):
        return None
    try:
        record = core.sessions.store.get(sid)
    except AdapterError:
        extra = {"event": "sign-out-local", "reason": "the session record could not be read"}
        _log.warning("signed out here, but not at the provider", extra=extra)
        return None
    provider = core.providers.get(record.provider) if record else None
    if record is None or provider is None or not provider.rp_initiated_logout:
        return None
    return core.provider_logout.start(provider, record.id_token, url)
