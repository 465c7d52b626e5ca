"""Sign-in for Flask, compatible with Auth.js."""

from genkan.extension import Genkan
from genkan.web.access import csrf_exempt, fresh, json_blueprint, public, require_fresh, require_session
from genkan.web.context import auth, csrf_token, sign_in_url
from genkan.web.responses import is_htmx, unauthorized
from genkan.web.server_actions import access_token, link, sign_in, sign_out, update

__all__ = [
    "Genkan",
    "access_token",
    "auth",
    "csrf_exempt",
    "csrf_token",
    "fresh",
    "is_htmx",
    "json_blueprint",
    "link",
    "public",
    "require_fresh",
    "require_session",
    "sign_in",
    "sign_in_url",
    "sign_out",
    "unauthorized",
    "update",
]
