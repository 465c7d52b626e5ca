"""Flask-WTF's CSRFProtect on the whole application: it checks the application's own forms, and Genkan checks Genkan's."""

from __future__ import annotations

import re

import pytest
from flask import Flask, render_template_string
from flask_wtf import CSRFProtect, FlaskForm
from wtforms import StringField

from genkan import Genkan, require_session
from tests.extension.conftest import MakeGuest, add_views
from tests.extension.neighbours.conftest import MakeHost, check_sign_in
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


def add_nothing(_app: Flask) -> None:
    """Forms of Flask-WTF work without an object on the application."""


class OrderForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no type marker
    """A form of the application."""

    amount = StringField()


@pytest.mark.parametrize("everywhere", [False, True], ids=["forms only", "CSRFProtect too"])
def test_a_form_of_flask_wtf_beside_the_menu(make_host: MakeHost, everywhere: bool) -> None:
    app = make_host(CSRFProtect if everywhere else add_nothing)

    @app.route("/form", methods=["GET", "POST"])
    def form_page() -> str:
        form = OrderForm()
        if form.validate_on_submit():
            return f"{form.amount.data} for {require_session().user.name}"
        return render_template_string("{{ user_menu() }}<form method='post'>{{ form.csrf_token }}</form>", form=form)

    check_sign_in(app)
    browser = browser_of(app)
    browser.sign_in()
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/form").text)[0]
    assert browser.post("/form", data={"amount": "3", "csrf_token": token}).text == "3 for Hana the First"
    refused = browser.post("/form", data={"amount": "3", "csrf_token": "another"})
    assert (refused.status_code, "3 for" in refused.text) == (400 if everywhere else 200, False)
