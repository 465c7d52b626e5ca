"""User menu, the fragment that refreshes it, and the functions for templates."""

from __future__ import annotations

from typing import NamedTuple

from flask import Flask, Response, current_app, render_template, request
from markupsafe import Markup, escape

from genkan.errors import InvalidSettings
from genkan.types import Session, SessionUser, User
from genkan.web.access import public
from genkan.web.context import (
    app_state,
    auth,
    base_path,
    csrf_token,
    get_core,
    request_state,
    session_fingerprint,
    session_result,
    site_root,
)
from genkan.web.responses import service_unavailable
from genkan.web.state import AppState, is_error_page, script_root
from genkan.web.static_files import package_url, provider_icon
from genkan.web.urls.sign_in import sign_in_url


def user_menu(loading: bool = False, nonce: str | None = None, assets: bool = True) -> Markup:
    """Render the user menu for a page, the first time with its style sheet and its script.

    With `loading` the menu is the same for every visitor and loads itself, so the page can be cached. `nonce` is that
    of the page's Content-Security-Policy. Flask-Talisman's is found without it. A layout that has the style sheet and
    the script already passes `assets=False`.
    """
    on_error_page, state = is_error_page(), request_state()
    try:
        template = state.app.core.pages.menu
    except InvalidSettings:
        if not on_error_page:
            raise
        return Markup("")
    html = render_template(
        template, **{**PAGE_CONTEXT, "menu_loading": loading, "page_access": _page_access(state.app)}
    )
    if assets and not state.has_menu_assets:
        state.has_menu_assets = True
        html = render_template("genkan/_menu_assets.html", **TEMPLATE_CONTEXT, nonce=nonce) + html
    return Markup(html)  # noqa: S704 (rendered by templates, which escape)


def _page_access(app: AppState) -> str | None:
    """Return `private` or `public` for the page around the menu. None if the application is not strict."""
    if not app.strict:
        return None
    endpoint = request.endpoint
    return "public" if endpoint is None or endpoint in app.public else "private"


def menu_fragment() -> str | Response:
    """Render the user menu as a fragment. 503 if the session could not be read."""
    return service_unavailable() if session_result().failed else render_template(get_core().pages.menu, **PAGE_CONTEXT)


# `url_for` is not used below: it fails for a request with an invalid Host header, and the error page shows the menu. And
# it does not know a prefix that a proxy has removed from the request.


def menu_url() -> str:
    """Return the path of the user menu's fragment."""
    return site_root() + get_core().pages.menu_path


def account_url(path: str = "") -> str:
    """Return the path of the account page, or of a form below it, such as `/name`."""
    return site_root() + get_core().pages.account + path


def mailbox_url() -> str:
    """Return the path of the mailbox. Empty if there is none, as in production."""
    core = get_core()
    if core.email is None or core.email.mailbox is None:
        return ""
    return f"{site_root()}/mailbox" if app_state().strict else account_url("/mailbox")


def home_url() -> str:
    """Return the path of the application's front page."""
    return f"{site_root()}/"


def action_url(path: str) -> str:
    """Return the path of an action, such as `/signin`."""
    return base_path() + path


def nonce_attribute(nonce: str | None = None) -> Markup:
    """Return ` nonce="…"` for a script or a style sheet, with `nonce` or that of Flask-Talisman, else an empty text."""
    # Flask-Talisman adds this global. It returns "" if the policy of the page has no nonce.
    talisman = current_app.jinja_env.globals.get("csp_nonce")
    nonce = nonce or (talisman() if callable(talisman) else None)
    return Markup(' nonce="{}"').format(nonce) if nonce else Markup("")


def display_name(user: SessionUser | User) -> Markup:
    """Return the name to show for a user, escaped also in an application without autoescape. Providers may send none."""
    return escape(user.name or user.email or "guest")


def avatar(user: SessionUser | User, size: int, alt: str = "") -> Markup:
    """Return the picture of a user in a box of `size` pixels. session.js replaces one that does not load by the default."""
    default = escape(package_url("img/default-avatar.svg"))
    picture, fallback = default, ""
    if user.image:
        picture, fallback = escape(user.image), f'data-genkan-fallback="{default}" '
    return Markup(  # noqa: S704 (every part is escaped)
        f'<img class="avatar" src="{picture}" {fallback}alt="{escape(alt)}" width="{size}" height="{size}" '
        'referrerpolicy="no-referrer">'
    )


class MenuValues(NamedTuple):
    """The values that the template of the user menu shows."""

    status: str
    """`loading`, `authenticated` or `unauthenticated`."""
    url: str
    home_url: str
    sign_out_url: str
    session: Session | None = None
    fingerprint: str = ""
    name: str = ""
    avatar: str = ""
    csrf_token: str = ""
    """Empty unless a user is signed in."""


def menu_values(loading: bool = False) -> MenuValues:
    """Return the values for the user menu. With `loading` the session is not read. One call, since each costs time."""
    core = get_core()
    root, pages = core.prefix or script_root(), core.pages
    urls = (f"{root}{pages.menu_path}", f"{root}/", f"{root}{pages.base_path}/signout")
    if loading:
        return MenuValues("loading", *urls)
    session = auth()
    if session is None:
        return MenuValues("unauthenticated", *urls)
    user = session.user
    shown = (session_fingerprint(), display_name(user), avatar(user, 36), csrf_token())
    return MenuValues("authenticated", *urls, session, *shown)


def register_menu(app: Flask, path: str) -> None:
    """Serve the user menu at `path`."""
    app.add_url_rule(path, "genkan.menu", public(menu_fragment))


class TemplateFunctions:
    """The functions for templates: the global `genkan`, and the same name in every template of the package."""

    auth = staticmethod(auth)
    user_menu = staticmethod(user_menu)
    csrf_token = staticmethod(csrf_token)
    sign_in_url = staticmethod(sign_in_url)
    session_fingerprint = staticmethod(session_fingerprint)
    menu_url = staticmethod(menu_url)
    account_url = staticmethod(account_url)
    action_url = staticmethod(action_url)
    home_url = staticmethod(home_url)
    mailbox_url = staticmethod(mailbox_url)
    static_url = staticmethod(package_url)
    nonce_attribute = staticmethod(nonce_attribute)
    display_name = staticmethod(display_name)
    avatar = staticmethod(avatar)
    menu_values = staticmethod(menu_values)
    provider_icon = staticmethod(provider_icon)


TEMPLATE_CONTEXT: dict[str, object] = {"genkan": TemplateFunctions()}
"""What every template of the package needs, whatever names the application has for itself."""

PAGE_CONTEXT: dict[str, object] = {
    **TEMPLATE_CONTEXT,
    **dict.fromkeys(("menu_loading", "resubmit"), False),
    **dict.fromkeys(("page_access", "sign_out_ticket")),
}
"""The same with defaults for the user menu. An application may have `StrictUndefined`, or such a name for itself."""


def add_template_globals(app: Flask, *, has_menu: bool = True) -> None:
    """Add `auth`, `user_menu` if there is a menu, and `genkan` to the template globals that are not taken."""
    menu = {"user_menu": user_menu} if has_menu else {}
    for name, value in {"auth": auth, **menu, **TEMPLATE_CONTEXT}.items():
        app.jinja_env.globals.setdefault(name, value)
