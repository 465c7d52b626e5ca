"""Flask-Login, for code and extensions that use `current_user` and `@login_required`. Both call `auth()`.

Nothing else of it is used. Some of its defaults are switched off here, each with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, after_this_request, g
from flask_login import LoginManager, UserMixin, current_user

from genkan.types import SessionUser
from genkan.web.context import auth
from genkan.web.responses import unauthorized
from genkan.web.state import get_state

UNUSED_COOKIE_NAME = "never; sent"
"""A name that no Cookie header can contain. If the browser sent a cookie with the name of the remember cookie, Flask-Login
would not call `request_loader`."""


@dataclass(frozen=True)
class CurrentUser(UserMixin):  # type: ignore[misc]  # Flask-Login has no type marker
    """The signed-in user, as Flask-Login expects it."""

    user: SessionUser

    @property
    def id(self) -> str | None:
        """The user's id."""
        return self.user.id

    @property
    def name(self) -> str | None:
        """The user's name."""
        return self.user.name

    @property
    def email(self) -> str | None:
        """The user's address."""
        return self.user.email

    @property
    def image(self) -> str | None:
        """The address of the user's picture."""
        return self.user.image

    @property
    def role(self) -> str | None:
        """The user's role."""
        return self.user.role


def init_app(app: Flask) -> None:
    """Make `current_user` the user of `auth()`, and let `@login_required` respond like `unauthorized()`."""
    app.config["REMEMBER_COOKIE_NAME"] = UNUSED_COOKIE_NAME
    # The default "basic" writes to Flask's cookie session on every access.
    app.config["SESSION_PROTECTION"] = None
    # The context processor would call auth() for every template, also on public pages.
    manager = LoginManager(app, add_context_processor=False)
    app.jinja_env.globals["current_user"] = current_user
    manager.request_loader(_load)
    manager.unauthorized_handler(unauthorized)
    get_state(app).before_request.append(_forget)
    # The hook would open Flask's cookie session on every response, so that static files had `Vary: Cookie`.
    app.after_request_funcs[None].remove(manager._update_remember_cookie)  # noqa: SLF001 (no public name)


def _load(_request: object) -> CurrentUser | None:
    session = auth()
    after_this_request(_forget_after)
    return CurrentUser(session.user) if session is not None else None


def _forget() -> None:
    # Flask-Login keeps the user on the application context, which several requests of a test client may share. So the
    # user is removed before each request and after one that loaded it.
    g.pop("_login_user", None)


def _forget_after(response: Response) -> Response:
    _forget()
    return response
