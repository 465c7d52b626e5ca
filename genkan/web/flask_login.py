"""Flask-Login, for code and extensions that expect `current_user` and `@login_required`: both ask `auth()`.

Nothing else of it is used. Six of its habits are undone here, for the reasons beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response, after_this_request, g
from flask_login import LoginManager, UserMixin, current_user

from genkan.types import SessionUser
from genkan.web.context import auth, get_state
from genkan.web.responses import unauthorized

UNUSED_COOKIE_NAME = "never; sent"
"""A cookie of the remember cookie's name would keep `request_loader` from being asked, and lock its visitor out; so it
has a name that no Cookie header can hold."""


@dataclass(frozen=True)
class CurrentUser(UserMixin):  # type: ignore[misc]  # Flask-Login has no type marker
    """The person signed in, as Flask-Login's world knows people."""

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
    """Let `current_user` be who `auth()` says, and `@login_required` refuse as the guard does."""
    app.config["REMEMBER_COOKIE_NAME"] = UNUSED_COOKIE_NAME
    # "basic", the default, writes into Flask's own cookie session on every access.
    app.config["SESSION_PROTECTION"] = None
    # Its context processor would ask who is there for every template, also for a page that is the same for everybody.
    manager = LoginManager(app, add_context_processor=False)
    app.jinja_env.globals["current_user"] = current_user
    manager.request_loader(_load)
    manager.unauthorized_handler(unauthorized)
    get_state(app).before_request.append(_forget)
    # The hook would open Flask's cookie session, and so say `Vary: Cookie`, on every answer, static files included.
    app.after_request_funcs[None].remove(manager._update_remember_cookie)  # noqa: SLF001 (it has no public name)


def _load(_request: object) -> CurrentUser | None:
    session = auth()
    after_this_request(_forget_after)
    return CurrentUser(session.user) if session is not None else None


def _forget() -> None:
    # Flask-Login remembers on the application context, which requests share where one is made inside another, or
    # several while one stays open (S10). So it forgets before each of them, and after one that asked.
    g.pop("_login_user", None)


def _forget_after(response: Response) -> Response:
    _forget()
    return response
