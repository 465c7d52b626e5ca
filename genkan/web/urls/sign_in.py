"""The sign-in page, and the URL to come back to after signing in."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlsplit

from flask import request

from genkan.actions.second_factor.level import has_second_factor
from genkan.http.urls import MAX_URL_CHARACTERS, add_query, relative_url, same_origin_url
from genkan.oauth.reauthentication import Level
from genkan.web.context import base_path, request_state, site_root

_PATH_SAFE = "!$&'()*+,/:;=@~"
_QUERY_SAFE = _PATH_SAFE + "?[]%"


def requested_url() -> str:
    """Return path and query of the current request, encoded, with the prefix. Without the query if that is too long.

    A WSGI server has decoded the path, so it is encoded again. The query is as it was sent.
    """
    environ = request.environ
    decoded = "/" + environ.get("PATH_INFO", "").lstrip("/")
    path = quote(site_root(), safe=_PATH_SAFE) + quote(decoded.encode("latin-1"), safe=_PATH_SAFE)
    query = quote(request.query_string, safe=_QUERY_SAFE)
    url = f"{path}?{query}" if query else path
    is_short = len(request_state().app.core.origin + url) <= MAX_URL_CHARACTERS
    return url if is_short else path


def return_url() -> str:
    """Return the path to come back to after signing in.

    It is the requested page. For the request of a fragment it is the page in HX-Current-URL, and for a form the page in
    Referer.
    """
    state = request_state()
    core = state.app.core
    root = site_root()
    actions = f"{base_path()}/"
    headers = request.headers
    is_safe = request.method in ("GET", "HEAD")
    current = headers.get("HX-Current-URL")
    is_page = "HX-Boosted" in headers or "HX-History-Restore-Request" in headers
    if current is None or (is_safe and is_page):
        # A link with hx-boost and the Back button of htmx lead to a page, not to a part of the current one.
        current = requested_url() if is_safe else headers.get("Referer", f"{root}/")
    url = same_origin_url(current, core.origin) or core.page_url("/")
    path = relative_url(url, core.origin)
    if path.startswith(actions):
        # A page about signing in was given a callback URL in its query or, after an error, in the cookie.
        remembered = state.cookies.get(core.cookie_names.callback_url)
        callback_url = dict(parse_qsl(urlsplit(path).query)).get("callbackUrl") or remembered or f"{root}/"
        path = relative_url(same_origin_url(callback_url, core.origin) or core.page_url("/"), core.origin)
    fragments = (f"{root}/partials/", f"{root}{core.pages.account}/partials/", root + core.pages.menu_path)
    return f"{root}/" if path.startswith((actions, *fragments)) else path


def sign_in_url() -> str:
    """Return the path of the sign-in page, with `return_url()` as its callback URL."""
    return f"{base_path()}/signin?callbackUrl={quote(return_url(), safe='')}"


def confirm_url(user_id: str | None, level: Level | None) -> str:
    """Return the path of the sign-in page where the signed-in user confirms their identity.

    For the level `mfa`, that of the page where a user without a second factor and without a passkey adds one. Raises
    AdapterError.
    """
    core = request_state().app.core
    if level is not None and core.second_factor is not None and not has_second_factor(user_id or "", core):
        return f"{site_root()}{core.pages.account}/totp"
    return add_query(sign_in_url(), {"reason": "fresh"})
