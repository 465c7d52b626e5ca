"""Templates and static files of the package, and how an application replaces them."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from jinja2 import BaseLoader, DictLoader

from genkan.web.menu import add_template_globals
from genkan.web.static_files import register_package_files
from tests.browser import Browser
from tests.conftest import MakeApp

PAGES = {
    "/api/auth/signin": "Sign in with Development",
    "/api/auth/signout": "Sign out?",
    "/api/auth/error?error=AccessDenied": "You may not sign in here",
    "/api/auth/verify-request": "Check your e-mail",
    "/api/auth/signed-in": "You are signed in",
    "/account": "Where you are signed in",
    "/account/delete": "Delete my account for good",
    "/partials/user-menu": "Hana Example",
}


def signed_in(app: Flask, loader: BaseLoader) -> Browser:
    app.jinja_loader = loader
    browser = Browser(app)
    browser.sign_in()
    return browser


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_of_the_package_need_no_template_of_the_application(make_app: MakeApp, path: str) -> None:
    page = signed_in(make_app(), DictLoader({})).get(path)

    assert PAGES[path] in page.text
    assert "static/css/app.css" not in page.text


def test_the_pages_of_the_development_provider_need_no_template_of_the_application(make_app: MakeApp) -> None:
    browser = signed_in(make_app(), DictLoader({}))

    assert "Who do you want to be?" in browser.get(browser.begin_sign_in().headers["Location"]).text
    assert browser.get("/development/pictures/hana.svg").mimetype == "image/svg+xml"


def test_a_layout_of_the_application_replaces_the_one_of_the_package(make_app: MakeApp) -> None:
    layout = "<title>{% block title %}{% endblock %}</title><h6>The shop</h6>{% block content %}{% endblock %}"
    browser = signed_in(make_app(), DictLoader({"genkan/layout.html": layout}))

    for path in PAGES.keys() - {"/partials/user-menu"}:
        page = browser.get(path).text
        assert PAGES[path] in page
        assert "The shop" in page


def test_links_of_the_application_replace_those_of_the_menu(make_app: MakeApp) -> None:
    links = {"genkan/menu_links.html": '<a href="/orders">Orders</a>'}
    menu = signed_in(make_app(), DictLoader(links)).get("/partials/user-menu").text

    assert 'href="/orders"' in menu
    assert 'href="/account"' not in menu


def test_every_static_file_of_the_package_is_served(app: Flask) -> None:
    folder = Path(app.root_path) / "genkan/web/static"
    browser = Browser(app)
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]

    assert {"css/menu.css", "js/session.js", "img/default-avatar.svg"} <= set(names)
    for name in names:
        response = browser.get(f"/genkan/static/{name}")
        assert (response.status_code, response.data) == (200, (folder / name).read_bytes())


def test_a_provider_without_an_icon_gets_the_one_of_openid(app: Flask) -> None:
    assert icon_of(app, "github").startswith("/genkan/static/img/providers/github.svg?v=")
    assert icon_of(app, "acme").startswith("/genkan/static/img/providers/oidc.svg?v=")


def test_an_icon_in_the_static_folder_of_the_application_comes_first(tmp_path: Path) -> None:
    (tmp_path / "img/providers").mkdir(parents=True)
    (tmp_path / "img/providers/github.svg").write_text("<svg/>")
    app = Flask("shop", static_folder=str(tmp_path), static_url_path="/files")
    register_package_files(app)
    add_template_globals(app)

    assert icon_of(app, "github").startswith("/files/img/providers/github.svg?v=")


def icon_of(app: Flask, provider_id: str) -> str:
    with app.app_context():
        return app.jinja_env.from_string("{{ genkan.provider_icon(id) }}").render(id=provider_id)
