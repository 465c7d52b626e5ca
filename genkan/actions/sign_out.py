"""Signing out."""

from __future__ import annotations

from copy import deepcopy

from genkan import cookies, events
from genkan.actions import session
from genkan.actions.landing import callback_url, failure, remember, renew_csrf
from genkan.errors import MissingCSRF
from genkan.http import Page, Reply, Request
from genkan.options import Options

SESSION_CHANGED = '{"session-changed": {"target": "body"}}'
"""What HTMX is to tell the page; the target keeps it alive when the element that asked is swapped away."""


def sign_out(request: Request, options: Options) -> Reply:
    """End the session: its cookies go, the CSRF pair is renewed, `signed_out` is sent.

    Needs the CSRF token. HTMX gets the signed-out menu, everybody else the way to the callback URL; nobody being
    signed in changes nothing about the answer. Raises CrossSite.
    """
    options.csrf.check_origin(request.headers)
    try:
        options.csrf.check(cookies.read(request.cookie_header, options.names.csrf), request.csrf_token)
    except MissingCSRF as error:
        return failure(error, options)
    return end(request, options)


def end(request: Request, options: Options) -> Reply:
    """The same for a request that is known to be the visitor's own."""
    reading = session.read(request.cookie_header, options)
    if reading.known is not None:
        events.send(events.signed_out, token=deepcopy(reading.known.token))
    landing = callback_url(request, options)
    gone = (*cookies.clear(reading.names, secure=options.secure), renew_csrf(options))
    # The back button shows nothing private, and the next page is drawn anew (X5).
    headers = {"Clear-Site-Data": '"cache"'}
    if request.is_htmx:
        page = Page(options.pages.menu)
        return Reply(page=page, cookies=gone, headers={**headers, "HX-Trigger": SESSION_CHANGED})
    return Reply(location=landing, cookies=(*gone, *remember(landing, request, options)), headers=headers)
