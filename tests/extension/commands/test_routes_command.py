"""`flask genkan routes`: what each route requires, and a file that new open routes don't get past."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from flask_login import login_required as flask_login_required

from genkan import csrf_exempt, fresh_login_required, login_required, public, roles_required
from tests.extension.commands.test_doctor import run
from tests.extension.conftest import MakeGuest


class Basket(MethodView):
    init_every_request = False

    def get(self) -> str:
        return ""

    @login_required
    def post(self) -> str:
        return ""

    @roles_required("admin", "editor")
    def delete(self) -> str:
        return ""


def view() -> str:
    return ""


@pytest.fixture(name="shop")
def _shop(make_guest: MakeGuest) -> Flask:
    return add_views(make_guest())


def add_views(app: Flask) -> Flask:
    app.add_url_rule("/basket", view_func=Basket.as_view("basket"))
    app.add_url_rule("/pay", "pay", login_required(fresh_login_required(within=300)(view)), methods=["GET", "POST"])
    app.add_url_rule("/legacy", "legacy", flask_login_required(view), methods=["POST"])
    app.add_url_rule("/hook", "hook", csrf_exempt(public(lambda: "")), methods=["POST"])
    bp = Blueprint("child", __name__, url_prefix="/child")
    bp.add_url_rule("/", "index", view)
    app.register_blueprint(bp)
    return app


def lines(app: Flask) -> list[str]:
    result = run(app, "routes")
    assert result.exit_code == 0
    return result.output.splitlines()


def test_each_route_is_listed_with_what_it_needs(shop: Flask) -> None:
    assert lines(shop) == [
        "GET\t/\tfront\topen",
        "GET\t/admin\tadmin\tsession role=admin",
        "DELETE\t/basket\tbasket\tsession role=admin,editor",
        "GET\t/basket\tbasket\topen",
        "POST\t/basket\tbasket\tsession",
        "GET\t/child/\tchild.index\topen",
        "GET\t/greeting\tgreeting\topen",
        "POST\t/hook\thook\tpublic",
        "POST\t/legacy\tlegacy\tflask-login",
        "POST\t/order\torder\topen",
        "GET,POST\t/pay\tpay\tsession fresh=300",
        "GET\t/private\tprivate\tsession",
        "GET\t/static/<path:filename>\tstatic\tpublic",
        "GET\t/template\ttemplate\topen",
        "POST\t/upload\tupload\topen",
    ]


def test_a_strict_application_needs_a_session_and_a_token(make_guest: MakeGuest) -> None:
    found = lines(add_views(make_guest(strict=True)))
    assert "GET\t/\tfront\tsession" in found
    assert "POST\t/order\torder\tsession token" in found
    assert "DELETE\t/basket\tbasket\tsession role=admin,editor token" in found
    assert "POST\t/hook\thook\tpublic" in found
    assert not [line for line in found if "open" in line]


def test_check_compares_with_a_file(shop: Flask, tmp_path: Path) -> None:
    file = tmp_path / "routes.txt"
    missing = run(shop, "routes", "--check", str(file))
    assert (missing.exit_code, f"flask genkan routes > {file}" in missing.output) == (1, True)
    file.write_text(run(shop, "routes").output)
    same = run(shop, "routes", "--check", str(file))
    assert (same.exit_code, same.output) == (0, f"15 routes, as in {file}.\n")

    shop.add_url_rule("/leak", "leak", view, methods=["POST"])
    changed = run(shop, "routes", "--check", str(file))
    assert changed.exit_code == 1
    assert "+POST\t/leak\tleak\topen" in changed.output
    assert "/order" not in changed.output


def test_no_setting_is_needed(make_guest: MakeGuest) -> None:
    app = make_guest({"GENKAN_ENV": "production"}, testing=False)
    assert "POST\t/order\torder\topen" in lines(app)
