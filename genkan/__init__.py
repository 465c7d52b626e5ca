"""Sign-in for Flask, compatible with Auth.js."""

from genkan.callbacks import JWTParams, RedirectParams, SessionParams, SignInParams
from genkan.errors import (
    AdapterError,
    ConfigurationError,
    CredentialsSignin,
    ProviderUnavailable,
    ReauthorizationRequired,
    SessionRequired,
)
from genkan.extension import Genkan, check
from genkan.providers.base import Provider
from genkan.types import Account, Session, SessionUser, User
from genkan.web.access import (
    csrf_exempt,
    fresh_login_required,
    json_blueprint,
    login_required,
    public,
    require_fresh,
    require_session,
    roles_required,
)
from genkan.web.context import auth, csrf_token, current_user
from genkan.web.menu import user_menu
from genkan.web.responses import is_htmx, unauthorized
from genkan.web.server_actions import access_token, link, sign_in, sign_out, update
from genkan.web.urls.sign_in import sign_in_url

__all__ = [
    "Account",
    "AdapterError",
    "ConfigurationError",
    "CredentialsSignin",
    "Genkan",
    "JWTParams",
    "Provider",
    "ProviderUnavailable",
    "ReauthorizationRequired",
    "RedirectParams",
    "Session",
    "SessionParams",
    "SessionRequired",
    "SessionUser",
    "SignInParams",
    "User",
    "access_token",
    "auth",
    "check",
    "csrf_exempt",
    "csrf_token",
    "current_user",
    "fresh_login_required",
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
    "user_menu",
]
