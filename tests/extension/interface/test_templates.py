"""Template names: three globals that overwrite nothing, and templates that an application replaces one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, render_template, render_template_string

from genkan import user_menu
from tests.browser import HTMX, Browser
from tests.extension.conftest import MakeGuest
from tests.extension.test_first_use import browser_of

GLOBALS = {"auth", "user_menu", "genkan"}

OWN = {
    "layout.html": "<title>{% block title %}{% endblock %}</title>OWN {% block content %}{% endblock %}",
    "menu.html": '<div id="user-menu">OWN {{ genkan.sign_in_url() if not genkan.auth() else genkan.account_url() }}</div>',
    "sign_in.html": "OWN {% for provider in providers %}{% include 'genkan/_provider_form.html' %}{% endfor %}",
    "error.html": "OWN {{ error.title }} {{ error.code }} {{ retry_url }}",
    "account/index.html": "OWN {{ user.name }} {{ records|length }} {{ accounts|length }} {{ genkan.csrf_token()|length }}",
}

PATHS = {
    "layout.html": "/api/auth/signin",
    "menu.html": "/genkan/menu",
    "sign_in.html": "/api/auth/signin",
    "error.html": "/api/auth/error?error=AccessDenied",
    "account/index.html": "/genkan/account",
}

PAGES = {
    "/api/auth/signin": "Sign in with Development",
    "/api/auth/signout": "Sign out?",
    "/api/auth/error?error=AccessDenied": "You may not sign in here",
    "/api/auth/verify-request": "Check your e-mail",
    "/genkan/account": "Where you are signed in",
    "/genkan/account/delete": "Delete my account for good",
    "/genkan/menu": "Hana Example",
}


def write_template(app: Flask, name: str, text: str) -> None:
    path = Path(app.root_path) / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def signed_in(app: Flask) -> Browser:
    browser = browser_of(app)
    browser.sign_in()
    return browser


def test_init_app_leaves_the_template_environment_alone(guest: Flask) -> None:
    """An application may still change `jinja_options`."""
    assert "jinja_env" not in vars(guest)
    guest.jinja_options = {"variable_start_string": "[[", "variable_end_string": "]]"}
    assert guest.jinja_env.variable_start_string == "[["


def test_three_globals_and_one_filter_are_added(guest: Flask) -> None:
    globals_before, filters_before = set(Flask("bare").jinja_env.globals), set(Flask("bare").jinja_env.filters)
    browser_of(guest)
    assert set(guest.jinja_env.globals) - globals_before == GLOBALS
    assert set(guest.jinja_env.filters) - filters_before == {"genkan_utc"}


def test_strict_adds_the_functions_for_forms_by_their_short_names(make_guest: MakeGuest) -> None:
    app = make_guest(strict=True)
    browser_of(app)
    short = {"csrf_token", "sign_in_url", "session_fingerprint", "current_user"}
    assert set(app.jinja_env.globals) - set(Flask("bare").jinja_env.globals) == GLOBALS | short


def test_the_global_has_what_own_templates_need(guest: Flask) -> None:
    text = (
        "{{ genkan.menu_url() }} {{ genkan.account_url() }} {{ genkan.action_url('/signin') }} {{ genkan.sign_in_url() }} "
        "{{ genkan.static_url('css/menu.css') }} {{ genkan.csrf_token()|length > 60 }} {{ genkan.session_fingerprint() }}"
    )
    guest.add_url_rule("/names", "names", lambda: render_template_string(text))
    words = browser_of(guest).get("/names").text.split()
    assert words[:3] == ["/genkan/menu", "/genkan/account", "/api/auth/signin"]
    assert words[3] == "/api/auth/signin?callbackUrl=%2Fnames"
    assert words[4].startswith("/genkan/static/css/menu.css?v=")
    assert words[5] == "True"
    assert signed_in(guest).get("/names").text.split()[6].isalnum()


def test_names_that_the_application_has_stay_and_our_pages_work(guest: Flask) -> None:
    for name in (*GLOBALS, "csrf_token", "sign_in_url"):
        guest.jinja_env.globals[name] = f"own {name}"
    guest.add_url_rule("/page", "page", lambda: render_template_string("{{ menu }}{{ genkan }}", menu=user_menu()))
    browser = signed_in(guest)
    for path, text in PAGES.items():
        assert text in browser.get(path).text, path
    page = browser.get("/page").text
    assert 'data-status="authenticated"' in page
    assert page.endswith("own genkan")
    assert "Hi, <b" in page
    assert "session.js?v=" in page
    assert {name: guest.jinja_env.globals[name] for name in GLOBALS} == {name: f"own {name}" for name in GLOBALS}


def test_the_menu_after_a_sign_out_works_with_names_of_the_application(guest: Flask) -> None:
    """The answer to htmx is rendered outside of our own pages if a view calls `sign_out`."""
    from genkan import sign_out  # noqa: PLC0415

    guest.jinja_env.globals["genkan"] = "own"
    guest.add_url_rule("/leave", "leave", sign_out, methods=["POST"])
    assert 'data-status="unauthenticated"' in signed_in(guest).submit("/leave", headers=HTMX).text


def test_our_functions_are_not_those_of_the_application_s_layout_on_our_pages(guest: Flask) -> None:
    """The layout keeps its own `csrf_token`, for its own forms."""
    guest.jinja_env.globals["csrf_token"] = lambda: "of Flask-WTF"
    write_template(guest, "genkan/layout.html", "<p>{{ csrf_token() }}</p>{% block content %}{% endblock %}")
    page = browser_of(guest).get("/api/auth/signin").text
    assert page.count("of Flask-WTF") == 1
    assert 'name="csrfToken" value="' in page


@pytest.mark.parametrize("name", OWN)
def test_each_template_is_replaced_by_one_of_the_application(guest: Flask, name: str) -> None:
    write_template(guest, f"genkan/{name}", OWN[name])
    browser = signed_in(guest)
    pages = {path: browser.get(path).text for path in {*PATHS.values()}}
    assert "OWN" in pages[PATHS[name]]
    unchanged = {path for path in pages if "OWN" not in pages[path]}
    if name == "layout.html":
        assert unchanged == {"/genkan/menu"}
    elif name != "menu.html":
        assert unchanged == {*PATHS.values()} - {PATHS[name]}


def test_the_contexts_have_what_the_documentation_lists(guest: Flask) -> None:
    for name, text in OWN.items():
        write_template(guest, f"genkan/{name}", text)
    browser = browser_of(guest)
    assert "OWN /api/auth/signin?callbackUrl=%2F" in browser.get("/genkan/menu").text
    assert 'action="/api/auth/signin/development"' in browser.get("/api/auth/signin").text
    browser.sign_in()
    assert "OWN /genkan/account" in browser.get("/genkan/menu").text
    assert browser.get("/genkan/account").text.startswith("OWN Hana Example 1 1 1")
    error = browser.get("/api/auth/error?error=AccessDenied").text
    assert error == "OWN You may not sign in here AccessDenied /api/auth/signin"


def test_two_lines_put_our_pages_into_the_layout_of_the_application(guest: Flask) -> None:
    base = "<title>The shop</title><nav>{{ user_menu() }}</nav><main>{% block body %}{% endblock %}</main>"
    two_lines = '{% extends "base.html" %}\n{% block body %}{% block content %}{% endblock %}{% endblock %}\n'
    write_template(guest, "base.html", base)
    write_template(guest, "genkan/layout.html", two_lines)
    write_template(guest, "own.html", '{% extends "base.html" %}{% block body %}own page{% endblock %}')
    guest.add_url_rule("/own", "own", lambda: render_template("own.html"))
    browser = signed_in(guest)
    for path, text in PAGES.items():
        page = browser.get(path).text
        assert text in page
        assert ("<title>The shop</title>" in page) is (path != "/genkan/menu")
    assert "own page" in browser.get("/own").text
    assert (Path(guest.root_path) / "templates/genkan/layout.html").read_text() == two_lines
