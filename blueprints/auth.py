"""Sign-in of this application: Genkan with its callbacks, and the paths of its pages."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from genkan import Genkan, auth
from genkan.callbacks import JWTParams, SessionParams
from genkan.core import Pages
from genkan.types import Session, Token, str_claim

accounts = Genkan(strict=True, tables="authjs")

PAGES = Pages(account="/account", menu_path="/partials/user-menu")

bp = Blueprint("auth", __name__)


@accounts.jwt
def jwt(params: JWTParams) -> Token | None:
    """Add the user's role to the token at sign-in. The id is the token's `sub` already."""
    if params.user is None:
        return params.token
    return {**params.token, "role": params.user.role}


@accounts.session
def session(params: SessionParams) -> Session | None:
    """Add id and role to the session."""
    user = replace(params.session.user, id=str_claim(params.token, "sub"), role=str_claim(params.token, "role"))
    return replace(params.session, user=user)


@bp.record_once
def _add_auth(setup: BlueprintSetupState) -> None:
    """Define `auth` for templates, so that it names the missing `init_app` instead of being undefined."""
    setup.app.jinja_env.globals.setdefault("auth", auth)
