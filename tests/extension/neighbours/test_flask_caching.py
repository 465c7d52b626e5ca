"""Flask-Caching keeps its instance and what it caches, and no visitor gets what it cached for another user."""

from __future__ import annotations

import pytest
from flask import Flask, Response, make_response, render_template_string
from flask_caching import Cache

from genkan import login_required, require_session
from tests.extension.neighbours.conftest import NAME, MakeHost, check_sign_in
from tests.extension.test_first_use import browser_of

CONFIG = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 300}


@pytest.fixture(name="cache")
def _cache() -> Cache:
    return Cache()


def with_cache(make_host: MakeHost, cache: Cache, /, **settings: object) -> Flask:
    app = make_host(cache.init_app, CONFIG, **settings)
    counter = iter(range(100))

    @app.get("/fragment")
    def fragment() -> str:
        return render_template_string("{% cache 300, 'part' %}{{ number }}{% endcache %}", number=next(counter))

    @app.get("/news")
    @cache.cached()
    def news() -> Response:
        return make_response(
            render_template_string("{{ user_menu(loading=True) }}<p>{{ number }}", number=next(counter))
        )

    @app.get("/orders")
    @login_required
    @cache.cached(make_cache_key=lambda *_args, **_kwargs: f"orders of {require_session().user.id}")
    def orders() -> str:
        return f"{next(counter)} for {require_session().user.name}"

    return app


def test_a_user_signs_in_and_out(make_host: MakeHost, cache: Cache) -> None:
    check_sign_in(with_cache(make_host, cache))


def test_the_application_s_instance_can_be_the_cache_of_genkan(make_host: MakeHost, cache: Cache) -> None:
    check_sign_in(with_cache(make_host, cache, cache=cache))


def test_instance_and_cached_fragments_stay(make_host: MakeHost, cache: Cache) -> None:
    app = with_cache(make_host, cache)
    browser = browser_of(app)
    assert list(app.extensions["cache"]) == [cache]
    assert browser.get("/fragment").text == browser.get("/fragment").text == "0"
    cache.clear()
    assert browser.get("/fragment").text == "2"


def test_a_cached_page_with_the_loading_menu_is_the_same_for_every_visitor(make_host: MakeHost, cache: Cache) -> None:
    app = with_cache(make_host, cache)
    browser, visitor = browser_of(app), browser_of(app)
    browser.sign_in()
    pages = [each.get("/news") for each in (browser, visitor, browser)]
    assert len({page.text for page in pages}) == 1
    assert NAME not in pages[0].text
    assert not [name for page in pages for name, _ in page.headers if name in ("Set-Cookie", "Cache-Control")]
    assert NAME in browser.get("/genkan/menu").text


def test_a_private_view_that_is_cached_for_each_user_stays_private(make_host: MakeHost, cache: Cache) -> None:
    app = with_cache(make_host, cache)
    hana, zoe, visitor = browser_of(app), browser_of(app), browser_of(app)
    hana.sign_in()
    zoe.sign_in("Zoë Příkladová")
    assert [each.get("/orders").text for each in (hana, zoe, hana)] == [
        f"0 for {NAME}",
        "1 for Zoë Příkladová",
        f"0 for {NAME}",
    ]
    assert hana.get("/orders").headers["Cache-Control"] == "private, no-store"
    assert visitor.get("/orders").status_code == 303


def test_emptying_the_cache_of_the_application_ends_no_session(make_host: MakeHost, cache: Cache) -> None:
    app = with_cache(make_host, cache, cache=cache)
    browser = browser_of(app)
    browser.sign_in()
    cache.clear()
    assert browser.get("/private").json == {"name": NAME}
