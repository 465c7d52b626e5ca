"""Sign-in for Flask, compatible with Auth.js."""

from genkan.extension import Genkan, check
from genkan.web.access import (
    csrf_exempt,
    fresh,
    json_blueprint,
    login_required,
    public,
    require_fresh,
    require_session,
    roles_required,
)
from genkan.web.context import auth, csrf_token, sign_in_url
from genkan.web.responses import is_htmx, unauthorized
from genkan.web.server_actions import access_token, link, sign_in, sign_out, update

__all__ = [
    "Genkan",
    "access_token",
    "auth",
    "check",
    "csrf_exempt",
    "csrf_token",
    "fresh",
    "is_htmx",
    "json_blueprint",
    "link",
    "login_required",
    "public",
    "require_fresh",
    "require_session",
    "roles_required",
    "sign_in",
    "sign_in_url",
    "sign_out",
    "unauthorized",
    "update",
]
