"""Flask-Login, for code and extensions that use its `current_user` and `@login_required`. Both call `auth()`.

An application's own LoginManager stays as it is, and our session answers where it has no user. A strict application
without one gets ours. Some defaults of Flask-Login are switched off then, each with the reason.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, after_this_request, current_app, g
from flask_login import LoginManager, current_user, user_logged_out

from genkan.web.context import load_user
from genkan.web.responses import unauthorized
from genkan.web.server_actions import revoke_current_session
from genkan.web.state import EXTENSION, get_state

_get_globals = g._get_current_object  # noqa: SLF001 (see get_request)

UNUSED_COOKIE_NAME = "never; sent"
"""A name that no Cookie header can contain. If the browser sent a cookie with the name of the remember cookie, Flask-Login
would not call `request_loader`."""


class OwnManager(LoginManager):  # type: ignore[misc]  # Flask-Login has no type marker
    """The LoginManager of a strict application that has none of its own."""


class AnonymousUserOrOurs:
    """Factory in place of `LoginManager.anonymous_user`: our user if our session has one, else the anonymous user.

    Flask-Login calls it whenever its manager has no user, also for an outdated remember cookie, for which it does not call
    `request_loader`.
    """

    def __init__(self, anonymous_user: object) -> None:
        self.anonymous_user = anonymous_user

    def __call__(self) -> object:
        """Return the user. An application that shares the manager, but has no Genkan, gets the anonymous user."""
        user = _load() if EXTENSION in current_app.extensions else None
        return self.anonymous_user() if user is None else user  # type: ignore[operator]  # a class or a function


def init_app(app: Flask) -> None:
    """Add our manager to a strict application that has none."""
    if getattr(app, "login_manager", None) is not None:
        return
    # Not by `LoginManager.init_app`. Its context processor would call auth() for every template, also on public pages.
    # Its hook would open Flask's cookie session on every response, so that static files had `Vary: Cookie`.
    manager = app.login_manager = OwnManager()  # type: ignore[attr-defined]  # set by Flask-Login
    manager.request_loader(lambda _request: _load())
    manager.unauthorized_handler(unauthorized)
    app.jinja_env.globals["current_user"] = current_user
    get_state(app).before_request.append(_forget)


def prepare(app: Flask) -> None:
    """Let our session answer in the manager of `app`. Called at the first request, when the application is complete."""
    manager = app.login_manager  # type: ignore[attr-defined]  # set by Flask-Login
    if isinstance(manager, OwnManager):
        app.config["REMEMBER_COOKIE_NAME"] = UNUSED_COOKIE_NAME
        # The default "basic" writes to Flask's cookie session on every access.
        app.config["SESSION_PROTECTION"] = None
    elif not isinstance(manager.anonymous_user, AnonymousUserOrOurs):
        manager.anonymous_user = AnonymousUserOrOurs(manager.anonymous_user)
        if manager.user_callback is None and manager.request_callback is None:
            # Without any loader Flask-Login raises an exception.
            manager.request_loader(lambda _request: None)
    user_logged_out.connect(_revoke, app)


def _load() -> Any:
    after_this_request(_forget_after)
    return load_user()


def _revoke(_app: Flask, **_user: object) -> None:
    revoke_current_session()


def _forget() -> None:
    # Flask-Login keeps the user on the application context, which several requests of a test client may share. So the
    # user is removed before each request and after one that loaded it.
    _get_globals().pop("_login_user", None)


def _forget_after(response: Response) -> Response:
    _forget()
    return response
