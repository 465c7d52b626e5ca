"""Add the pages of the package to an application."""

from __future__ import annotations

from flask import Flask

from genkan.core import Pages
from genkan.web import account
from genkan.web.access import public
from genkan.web.email import views as email
from genkan.web.menu import register_menu
from genkan.web.passkey import views as passkey
from genkan.web.password import views as password
from genkan.web.second_factor import views as second_factor

CHANGE_PASSWORD_PATH = "/.well-known/change-password"
"""Where password managers look for the page that changes a password (W3C, A Well-Known URL for Changing Passwords)."""


def register_pages(app: Flask, pages: Pages, *, strict: bool) -> None:
    """Add the menu and the pages below the account path. With `strict` also the well-known path, which is not below it."""
    register_menu(app, pages.menu_path)
    for blueprint in (account.bp, email.bp, password.bp, passkey.bp, second_factor.bp):
        app.register_blueprint(blueprint, url_prefix=pages.account)
    if strict:
        view = public(password.change_password_redirect)
        app.add_url_rule(CHANGE_PASSWORD_PATH, "genkan.change_password", view)
