"""`protect`, `exempt` and `json_blueprint` on blueprints, in whatever order they are called and registered."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import cast

import pytest
from flask import Blueprint, Flask

from genkan import Genkan, auth, csrf_exempt, json_blueprint, login_required, public
from tests.extension.test_first_use import browser_of

SECRET = "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"
UNAUTHORIZED = {"error": "Unauthorized"}


def shop(name: str = "shop") -> Blueprint:
    """Return a blueprint with a child and a grandchild."""
    parent, child, grandchild = Blueprint(name, __name__), Blueprint("child", __name__), Blueprint("low", __name__)
    for blueprint, path in ((parent, "top"), (child, "child"), (grandchild, "low")):
        blueprint.add_url_rule(f"/{path}", "page", lambda: "page", methods=["GET", "POST", "PUT"])
    child.register_blueprint(grandchild)
    parent.register_blueprint(child)
    return parent


def child_of(blueprint: Blueprint, *names: str) -> Blueprint:
    for name in names:
        blueprint = cast("Blueprint", next(child for child, _ in blueprint._blueprints if child.name == name))
    return blueprint


MakeApp = Callable[..., Flask]


@pytest.fixture(name="new_app")
def _new_app(tmp_path: Path) -> Callable[[], Flask]:
    def create() -> Flask:
        app = Flask("guest", root_path=str(tmp_path), instance_path=str(tmp_path / "instance"))
        app.testing = True
        return app

    return create


@pytest.fixture(name="make_app")
def _make_app(new_app: Callable[[], Flask]) -> MakeApp:
    """Return a function that creates an application with this Genkan and these blueprints."""

    def make(accounts: Genkan, *blueprints: Blueprint, testing: bool = True) -> Flask:
        app = new_app()
        app.testing = testing
        accounts.init_app(app, AUTH_SECRET=SECRET)
        for blueprint in blueprints:
            app.register_blueprint(blueprint)
        return app

    return make


def statuses(app: Flask, method: str = "GET") -> dict[str, int]:
    client = app.test_client()
    return {path: client.open(path, method=method).status_code for path in ("/top", "/child", "/low")}


@pytest.mark.parametrize("order", list(permutations(["mark", "init", "register"])))
@pytest.mark.parametrize("kind", ["protect", "exempt", "json_blueprint"])
def test_the_order_of_calls_does_not_matter(new_app: Callable[[], Flask], order: tuple[str, ...], kind: str) -> None:
    app, accounts, blueprint = new_app(), Genkan(strict=kind != "protect"), shop()
    steps: dict[str, Callable[[], object]] = {
        "mark": lambda: getattr(accounts, kind)(blueprint),
        "init": lambda: accounts.init_app(app),
        "register": lambda: app.register_blueprint(blueprint),
    }
    for step in order:
        steps[step]()
    expected = {"protect": 303, "exempt": 200, "json_blueprint": 401}[kind]
    assert statuses(app) == dict.fromkeys(("/top", "/child", "/low"), expected)


def test_nothing_else_of_the_application_is_protected(make_app: MakeApp) -> None:
    accounts, other = Genkan(), Blueprint("other", __name__)
    other.add_url_rule("/other", "page", lambda: "page", methods=["GET", "POST"])
    app = make_app(accounts, accounts.protect(shop()), other)
    client = app.test_client()
    assert client.get("/other").text == client.post("/other").text == "page"
    assert client.get("/no-such-page").status_code == 404


def test_a_protected_view_needs_a_session_and_a_token(make_app: MakeApp) -> None:
    accounts = Genkan()
    browser = browser_of(make_app(accounts, accounts.protect(shop())))
    assert browser.get("/child").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fchild"
    assert browser.submit("/child").status_code == 303
    browser.sign_in()
    assert browser.get("/child").text == "page"
    assert browser.post("/child").status_code == 403
    assert browser.submit("/child").text == "page"
    token = {"X-CSRF-Token": browser.csrf_token()}
    assert browser.client.put("/child", base_url=browser.origin, headers=token).text == "page"
    assert browser.submit("/child", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_options_is_answered_for_a_script_of_another_origin(make_app: MakeApp) -> None:
    accounts = Genkan()
    response = make_app(accounts, accounts.protect(shop())).test_client().options("/top")
    assert (response.status_code, "PUT" in response.headers["Allow"]) == (200, True)


def test_public_opens_a_view_and_csrf_exempt_needs_no_token(make_app: MakeApp) -> None:
    accounts, blueprint = Genkan(), Blueprint("shop", __name__)
    blueprint.add_url_rule("/open", view_func=public(lambda: "for all"), endpoint="open", methods=["GET", "POST"])
    blueprint.add_url_rule("/hook", view_func=csrf_exempt(public(lambda: "hook")), endpoint="hook", methods=["POST"])
    client = make_app(accounts, accounts.protect(blueprint)).test_client()
    assert client.get("/open").text == "for all"
    assert client.post("/open").status_code == 403
    assert client.post("/hook").text == "hook"


def test_the_nearest_mark_counts(make_app: MakeApp) -> None:
    accounts, blueprint = Genkan(), shop()
    accounts.protect(blueprint)
    accounts.exempt(child_of(blueprint, "child"))
    accounts.protect(child_of(blueprint, "child", "low"))
    app = make_app(accounts, blueprint)
    assert statuses(app) == {"/top": 303, "/child": 200, "/low": 303}
    assert statuses(app, "POST") == {"/top": 403, "/child": 200, "/low": 403}


def test_the_last_mark_of_one_blueprint_counts(make_app: MakeApp) -> None:
    accounts, blueprint = Genkan(), shop()
    accounts.exempt(blueprint)
    accounts.protect(blueprint)
    assert statuses(make_app(accounts, blueprint))["/low"] == 303


def test_an_exempt_blueprint_takes_webhooks_of_a_strict_application(make_app: MakeApp) -> None:
    accounts, other = Genkan(strict=True), Blueprint("other", __name__)
    other.add_url_rule("/other", "page", lambda: "page")
    client = make_app(accounts, accounts.exempt(shop()), other).test_client()
    other_site = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/low", data=b"x", headers=other_site).text == "page"
    assert client.get("/other").status_code == 303


def test_a_blueprint_that_is_registered_under_another_name_or_twice_is_protected(make_app: MakeApp) -> None:
    accounts, blueprint = Genkan(), shop()
    app = make_app(accounts, accounts.protect(blueprint))
    app.register_blueprint(blueprint, name="again", url_prefix="/again")
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/top", "/again/top", "/again/low")] == [303] * 3


def test_a_name_that_begins_like_a_marked_one_is_not_marked(make_app: MakeApp) -> None:
    accounts = Genkan()
    other = Blueprint("shopping", __name__)
    other.add_url_rule("/shopping", "page", lambda: "page")
    assert make_app(accounts, accounts.protect(shop()), other).test_client().get("/shopping").text == "page"


def test_a_mark_counts_for_the_applications_of_its_genkan_only(make_app: MakeApp) -> None:
    blueprint = shop()
    one, other = Genkan(), Genkan()
    one.protect(blueprint)
    assert statuses(make_app(one, blueprint))["/low"] == 303
    assert statuses(make_app(other, blueprint))["/low"] == 200
    strict = Genkan(strict=True)
    other.exempt(blueprint)
    assert statuses(make_app(strict, blueprint))["/low"] == 303


def test_refusals_of_a_json_blueprint_and_its_children_are_json(make_app: MakeApp) -> None:
    accounts = Genkan()
    blueprint = accounts.json_blueprint(accounts.protect(shop()))
    client = make_app(accounts, blueprint).test_client()
    for path in ("/top", "/low"):
        response = client.get(path, headers={"Accept": "text/html"})
        assert (response.status_code, response.get_json()) == (401, UNAUTHORIZED)
    assert client.post("/low").get_json()["error"] == "Forbidden"


def test_the_function_marks_a_blueprint_for_every_application(make_app: MakeApp) -> None:
    accounts, blueprint = Genkan(), json_blueprint(shop())
    accounts.protect(blueprint)
    assert statuses(make_app(accounts, blueprint))["/low"] == 401


@pytest.mark.parametrize(
    ("headers", "is_json"),
    [
        ({"Accept": "application/json"}, True),
        ({"Accept": "text/html,*/*;q=0.8"}, False),
        ({"Accept": "*/*"}, False),
        ({}, False),
        ({"Authorization": "Bearer abc"}, True),
        ({"Authorization": "Bearer abc", "Accept": "*/*"}, True),
        # A browser behind a proxy that asks for a password.
        ({"Authorization": "Basic YTpi", "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, False),
        ({"Authorization": "Basic YTpi", "Accept": "*/*", "HX-Request": "true"}, False),
    ],
)
def test_json_is_inferred_from_accept_and_authorization(
    make_app: MakeApp, headers: dict[str, str], is_json: bool
) -> None:
    accounts = Genkan()
    response = make_app(accounts, accounts.protect(shop())).test_client().get("/top", headers=headers)
    assert (response.get_json(silent=True) == UNAUTHORIZED) is is_json
    assert response.status_code == (401 if is_json or "HX-Request" in headers else 303)


def test_an_endpoint_with_a_dot_needs_no_blueprint(make_app: MakeApp) -> None:
    app = make_app(Genkan())
    app.add_url_rule("/dotted", "no.blueprint", login_required(lambda: "page"))
    assert app.test_client().get("/dotted").status_code == 303


def test_a_protected_blueprint_without_valid_settings_is_closed(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    accounts = Genkan()
    app = make_app(accounts, accounts.protect(shop()), testing=False)
    assert statuses(app) == dict.fromkeys(("/top", "/child", "/low"), 503)
    assert "AUTH_URL" in caplog.text


def test_the_application_s_own_session_check_sees_the_same_user(make_app: MakeApp) -> None:
    accounts, blueprint = Genkan(), Blueprint("shop", __name__)
    blueprint.add_url_rule("/name", "name", lambda: str((session := auth()) and session.user.name))
    browser = browser_of(make_app(accounts, accounts.protect(blueprint)))
    browser.sign_in()
    assert browser.get("/name").text == "Hana Example"


def test_a_mark_counts_after_the_first_request_too(make_app: MakeApp) -> None:
    """A blueprint that seems to be closed must not stay open."""
    accounts, blueprint = Genkan(), shop()
    app = make_app(accounts, blueprint)
    seen = [statuses(app)["/low"]]
    for mark in (accounts.protect, accounts.exempt, accounts.protect):
        mark(blueprint)
        seen.append(statuses(app)["/low"])
    assert seen == [200, 303, 200, 303]
