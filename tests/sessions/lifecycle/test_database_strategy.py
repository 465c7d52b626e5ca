"""Behaviour of the database strategy only."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from sqlalchemy import event, text

from genkan.errors import AdapterError
from tests.browser import HTMX, Browser
from tests.conftest import Environment, MakeApp
from tests.sessions.lifecycle.conftest import COOKIE


class TestDatabase:
    """Behaviour of the database strategy only."""

    @pytest.fixture(name="strategy")
    def _strategy(self, environment: Environment) -> str:
        environment["AUTH_SESSION_STRATEGY"] = "database"
        return "database"

    def test_the_cookie_is_random_and_only_its_hash_is_stored(self, hana: Browser) -> None:
        cookie = hana.cookie(COOKIE) or ""
        assert len(cookie) == 43
        with hana.core.adapter._database.read() as session:
            rows = session.execute(text("SELECT * FROM genkan_sessions")).all()
        dump = json.dumps([list(row) for row in rows], default=str)
        assert cookie not in dump
        assert sha256(cookie.encode()).hexdigest() in dump

    def test_a_request_costs_one_query(self, hana: Browser) -> None:
        statements: list[str] = []
        engine = hana.core.adapter._database.engine
        hana.session()
        event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_: statements.append(statement))
        for path in ("/dashboard", "/partials/user-menu", "/api/auth/session"):
            statements.clear()
            hana.get(path)
            asked = [arguments for arguments in statements if "FROM genkan_sessions" in arguments]
            assert len(asked) == 1

    def test_while_the_database_is_down_no_session_is_read_and_the_cookie_stays(
        self, hana: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*_: object) -> None:
            raise AdapterError("down")

        with monkeypatch.context() as patch:
            patch.setattr(hana.core.sessions.store, "get_claims", down)
            response = hana.get("/dashboard")
            assert response.status_code == 503
            assert response.headers["Retry-After"]
            assert hana.get("/api/auth/session").status_code == 503
            assert hana.get("/partials/session", headers=HTMX).status_code == 503
        assert hana.session()

    def test_a_sign_out_on_another_worker_is_in_force_at_once(self, hana: Browser, make_app: MakeApp) -> None:
        there = Browser(make_app())
        there.client.set_cookie(COOKIE, hana.cookie(COOKIE) or "", domain="127.0.0.1")
        assert there.session()
        hana.sign_out()
        assert there.session() is None
