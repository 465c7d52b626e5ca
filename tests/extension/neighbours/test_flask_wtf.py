"""Flask-WTF's CSRFProtect on the whole application: it checks the application's own forms, and Genkan checks Genkan's."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_wtf import CSRFProtect

from genkan import Genkan
from tests.extension.conftest import MakeGuest, add_views
from tests.extension.test_first_use import LOCAL, browser_of


@pytest.fixture(name="protected", params=["CSRFProtect first", "Genkan first"])
def _protected(request: pytest.FixtureRequest, make_guest: MakeGuest) -> Flask:
    if request.param == "Genkan first":
        guest = make_guest({"SECRET_KEY": "a key of the application"})
        CSRFProtect(guest)
        return guest
    other = make_guest()
    app = Flask("protected", root_path=other.root_path, instance_path=other.instance_path)
    app.config.update(SECRET_KEY="a key of the application", TESTING=True)
    CSRFProtect(app)
    Genkan(app)
    add_views(app)
    return app


def test_a_user_signs_in_and_out(protected: Flask) -> None:
    browser = browser_of(protected)
    browser.sign_in()
    assert browser.session() is not None
    browser.sign_out()
    assert browser.session() is None


def test_the_first_request_of_a_worker_may_be_a_form_of_genkan(protected: Flask) -> None:
    assert protected.test_client().post("/api/auth/signout", base_url=LOCAL).status_code == 303


def test_the_application_s_own_forms_need_the_token_of_flask_wtf(protected: Flask) -> None:
    browser = browser_of(protected)
    browser.sign_in()
    assert browser.post("/order").status_code == 400
    assert browser.submit("/order").status_code == 400


def test_the_account_page_needs_the_token_of_genkan(protected: Flask) -> None:
    browser = browser_of(protected)
    browser.sign_in()
    assert browser.post("/genkan/account/name", data={"name": "x"}).status_code == 403
    assert browser.submit("/genkan/account/name", name="Hana the First").status_code == 303
