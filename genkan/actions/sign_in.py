"""Starting a sign-in: which provider, then where to send the visitor."""

from __future__ import annotations

import logging

from genkan import checks, cookies, oauth
from genkan.actions.landing import callback_url, failure, remember
from genkan.errors import AuthError, CrossSite, InvalidProvider, MissingCSRF
from genkan.http import Reply, Request
from genkan.options import Options

_log = logging.getLogger("genkan.sign_in")


def sign_in(provider_id: str | None, request: Request, options: Options) -> Reply:
    """Begin a sign-in with a provider: to its authorization endpoint, with a flow cookie to come back with.

    Without a provider, to the page that offers them all. Needs the CSRF token, and says so where the browser keeps
    no cookies (F30); never changes an existing session.
    Raises CrossSite, for which there is no page to go to.
    """
    try:
        options.csrf.check_origin(request.headers)
        if request.csrf_token and not request.cookie_header:
            raise MissingCSRF("no cookies", reason="cookies")
        options.csrf.check(cookies.read(request.cookie_header, options.names.csrf), request.csrf_token)
        return start(provider_id, request, options)
    except CrossSite:
        raise
    except AuthError as error:
        _log.warning("sign-in not begun", extra={"event": "sign-in-failed", "code": error.code, "why": str(error)})
        return failure(error, options, remember(callback_url(request, options), request, options))


def start(provider_id: str | None, request: Request, options: Options) -> Reply:
    """The same for a request that is known to be the visitor's own; raises AuthError."""
    landing = callback_url(request, options)
    remembered = remember(landing, request, options)
    if provider_id is None:
        return Reply(location=options.url("/signin"), cookies=remembered)
    provider = options.providers.get(provider_id)
    if provider is None:
        raise InvalidProvider
    flow, flow_cookies = checks.create(provider.id, landing, request.cookie_header, options)
    location = oauth.authorization_url(provider, flow, request.query, options)
    return Reply(location=location, cookies=(*remembered, *flow_cookies))
