"""The doors: `/api/auth/*`, and the user menu."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, render_template
from flask.blueprints import BlueprintSetupState

from auth import auth, views
from genkan.web import csrf_exempt, public, service_unavailable, session_result

bp = Blueprint("auth", __name__)

ROUTES: tuple[tuple[str, str, Callable[..., Response]], ...] = (
    ("GET", "/session", views.session),
    ("POST", "/session", views.update_session),
    ("GET", "/csrf", views.csrf),
    ("GET", "/providers", views.providers),
    ("GET", "/signin", views.sign_in_page),
    ("POST", "/signin", views.sign_in),
    ("GET", "/signin/<provider_id>", views.unknown_action),
    ("POST", "/signin/<provider_id>", views.sign_in),
    ("GET", "/callback/<provider_id>", views.callback),
    ("POST", "/callback/<provider_id>", views.callback),
    ("GET", "/signout", views.sign_out_page),
    ("POST", "/signout", views.sign_out),
    ("GET", "/signout/return", views.post_logout_redirect),
    ("POST", "/backchannel-logout/<provider_id>", views.backchannel_logout),
    ("GET", "/error", views.error_page),
    ("GET", "/verify-request", views.verify_request_page),
    ("GET", "/signed-in", views.popup_done_page),
)
"""Auth.js's actions, where a sign-in in a second window ends, and a provider's part in signing out.
All are public; each unsafe one checks for itself what it must be shown."""

for method, rule, handler in ROUTES:
    bp.add_url_rule(f"/api/auth{rule}", view_func=csrf_exempt(public(handler)), methods=[method], strict_slashes=False)


@bp.get("/partials/user-menu")
@public
def user_menu() -> str | Response:
    """The header's menu alone, in the state of whoever asks; 503 rather than a menu that lies."""
    return service_unavailable() if session_result().failed else render_template("genkan/menu.html")


@bp.record_once
def _offer_auth(setup: BlueprintSetupState) -> None:
    # Where init_app never ran, a template that asks auth() is told the remedy instead of "'auth' is undefined".
    setup.app.jinja_env.globals.setdefault("auth", auth)
