"""The lifecycle of a session with both strategies: created, extended, revoked."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from hashlib import sha256

import pytest
from flask import Flask
from sqlalchemy import event, text

from genkan.adapters.sessions import SessionRecord
from genkan.crypto.sealer import Sealer
from genkan.errors import AdapterError
from genkan.session import revoker
from tests.browser import HTMX, Browser
from tests.clock import START, FrozenClock
from tests.conftest import Environment, MakeApp
from tests.core import SECRET, with_callbacks
from tests.tokens import jwe

COOKIE = "authjs.session-token"
DAY = 86_400


@pytest.fixture(name="strategy", params=["jwt", "database"])
def _strategy(request: pytest.FixtureRequest, environment: Environment) -> str:
    environment["AUTH_SESSION_STRATEGY"] = request.param
    return str(request.param)


@pytest.fixture(name="app")
def _app(strategy: str, make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    browser = Browser(app)
    browser.sign_in()
    return browser


def copy_of(browser: Browser) -> Browser:
    """Return another browser with a copy of the session cookie."""
    copy = Browser(browser.app)
    copy.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "", domain="127.0.0.1")
    return copy


def records(browser: Browser) -> list[SessionRecord]:
    now = int(browser.options.clock())
    return list(browser.options.sessions.store.list_all_active(now, 100))


def test_a_sign_in_creates_a_record_and_an_activity_entry(app: Flask, clock: FrozenClock) -> None:
    hana = Browser(app)
    hana.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"
    hana.sign_in()
    session = hana.session()
    assert session is not None
    (record,) = records(hana)
    assert record.user_id == session["user"]["id"]
    assert (record.device, record.ip_address, record.provider) == ("Firefox on Linux", "127.0.0.1", "development")
    assert (record.created, record.last_seen, record.expires) == (START, START, START + 30 * DAY)
    assert record.absolute_expires == START + 90 * DAY
    (entry,) = hana.options.sessions.store.list_activity(record.user_id, 9)
    assert (entry.kind, entry.device, entry.at) == ("signed-in", "Firefox on Linux", START)


def test_a_copied_cookie_is_refused_after_sign_out(hana: Browser) -> None:
    copy, owner = copy_of(hana), records(hana)[0].user_id
    assert copy.session()
    hana.sign_out()
    assert copy.session() is None
    assert copy.get("/dashboard").status_code == 303
    (entry, _) = hana.options.sessions.store.list_activity(owner, 9)
    assert (entry.kind, entry.detail) == ("ended", "signed-out")


def test_a_revoked_cookie_is_deleted(hana: Browser) -> None:
    copy = copy_of(hana)
    hana.sign_out()
    copy.session()
    assert copy.cookie(COOKIE) is None


def test_a_late_response_that_sets_the_cookie_again_restores_no_session(hana: Browser, clock: FrozenClock) -> None:
    clock.advance(DAY)
    slow = copy_of(hana)
    slow.session()
    assert slow.cookie(COOKIE)
    hana.sign_out()
    assert slow.session() is None


def test_extending_a_session_keeps_its_id_and_updates_its_record(hana: Browser, clock: FrozenClock) -> None:
    (before,) = records(hana)
    clock.advance(DAY)
    hana.session()
    (after,) = records(hana)
    assert after.id == before.id
    assert (after.expires, after.last_seen) == (START + 31 * DAY, START + DAY)
    assert after.absolute_expires == before.absolute_expires


def test_last_seen_is_written_every_five_minutes(hana: Browser, clock: FrozenClock) -> None:
    seen = []
    for _ in range(6):
        clock.advance(100)
        hana.session()
        seen.append(records(hana)[0].last_seen - START)
    assert seen == [0, 0, 300, 300, 300, 600]


def test_a_new_sign_in_replaces_the_session_of_the_same_browser_only(hana: Browser) -> None:
    elsewhere = Browser(hana.app)
    elsewhere.sign_in()
    before = copy_of(hana)
    hana.sign_in()
    assert before.session() is None
    assert hana.session()
    assert elsewhere.session()
    assert len(records(hana)) == 2


def test_a_sign_in_never_reuses_the_session_cookie_that_the_browser_had(hana: Browser) -> None:
    """Prevent session fixation: the attacker's cookie is revoked and gives no access to the victim's session."""
    victim = copy_of(hana)
    victim.sign_in("Sam Sample")
    assert hana.session() is None
    session = victim.session()
    assert session is not None
    assert session["user"]["name"] == "Sam Sample"


def test_revoking_all_sessions_of_a_user_does_not_prevent_a_new_sign_in(hana: Browser, clock: FrozenClock) -> None:
    elsewhere = Browser(hana.app)
    elsewhere.sign_in()
    (first, _) = records(hana)
    assert revoker.revoke_all_sessions(first.user_id, "owner", hana.options.sessions) == 2
    assert hana.session() is None
    assert elsewhere.session() is None
    hana.sign_in()
    assert hana.session()


def test_revoking_the_other_sessions_keeps_this_one(hana: Browser) -> None:
    elsewhere = Browser(hana.app)
    elsewhere.sign_in()
    mine = _sid(hana)
    owner = records(hana)[0].user_id
    assert revoker.revoke_other_sessions(owner, mine, "ended", hana.options.sessions) == 1
    assert hana.session()
    assert elsewhere.session() is None


def test_a_session_of_another_user_cannot_be_revoked(hana: Browser) -> None:
    sam = Browser(hana.app)
    sam.sign_in("Sam Sample")
    sids = {record.id: record.user_id for record in records(hana)}
    (others,) = (user for sid, user in sids.items() if sid != _sid(hana))
    assert not revoker.revoke_session(others, _sid(hana), "ended", hana.options.sessions)
    assert not revoker.revoke_session(others, "no such session", "ended", hana.options.sessions)
    assert hana.session()


def test_a_new_role_is_in_force_at_the_next_request(hana: Browser, clock: FrozenClock) -> None:
    owner = records(hana)[0].user_id
    for role in ("editor", "owner", "user"):
        hana.options.adapter.update_user(owner, role=role)
        revoker.mark_user_changed(owner, hana.options.sessions)
        session = hana.session()
        assert session is not None
        assert session["user"]["role"] == role
        clock.advance(5)


def test_a_new_role_is_written_to_the_cookie(hana: Browser, clock: FrozenClock) -> None:
    owner = records(hana)[0].user_id
    hana.options.adapter.update_user(owner, role="owner")
    revoker.mark_user_changed(owner, hana.options.sessions)
    clock.advance(1)
    before = hana.cookie(COOKIE)
    hana.session()
    if hana.options.sessions.strategy.cacheable:
        assert hana.cookie(COOKIE) != before
    hana.options.sessions.cache.clear()
    session = hana.session()
    assert session is not None
    assert session["user"]["role"] == "owner"


def test_an_update_does_not_restore_a_removed_role(hana: Browser, clock: FrozenClock) -> None:
    owner, token = records(hana)[0].user_id, hana.csrf_token()
    hana.options.adapter.update_user(owner, role="owner")
    revoker.mark_user_changed(owner, hana.options.sessions)
    clock.advance(5)
    assert (hana.session() or {})["user"]["role"] == "owner"
    hana.options.adapter.update_user(owner, role="user")
    revoker.mark_user_changed(owner, hana.options.sessions)
    clock.advance(5)
    response = hana.post("/api/auth/session", json={"csrfToken": token, "data": {}})
    assert response.get_json()["user"]["role"] == "user"
    assert (hana.session() or {})["user"]["role"] == "user"


def test_a_cookie_extended_before_the_role_changed_gets_the_new_role(hana: Browser, clock: FrozenClock) -> None:
    owner = records(hana)[0].user_id
    clock.advance(DAY)
    hana.options.adapter.update_user(owner, role="owner")
    # This worker reads the change only after it has extended the session, in the next second.
    clock.advance(1)
    hana.session()
    hana.options.sessions.store.mark_user_changed(owner, int(clock()) - 1)
    hana.options.sessions.revocations._due = float("-inf")
    assert (hana.session() or {})["user"]["role"] == "owner"


def test_two_changes_in_one_second_are_both_in_force(hana: Browser) -> None:
    owner = records(hana)[0].user_id
    copy = copy_of(hana)
    for role in ("owner", "user"):
        hana.options.adapter.update_user(owner, role=role)
        revoker.mark_user_changed(owner, hana.options.sessions)
        copy.client.set_cookie(COOKIE, hana.cookie(COOKIE) or "", domain="127.0.0.1")
        assert (copy.session() or {})["user"]["role"] == role


def test_a_disabled_user_is_signed_out_and_cannot_sign_in(hana: Browser) -> None:
    owner = records(hana)[0].user_id
    hana.options.adapter.update_user(owner, disabled=True)
    revoker.revoke_all_sessions(owner, "disabled", hana.options.sessions)
    assert hana.session() is None
    refused = hana.sign_in()
    assert "error=AccessDenied" in refused.headers["Location"]
    assert hana.session() is None


def test_a_disabled_user_has_no_session_after_the_user_is_reloaded(hana: Browser) -> None:
    """Mark the user as changed without revoking the sessions."""
    owner = records(hana)[0].user_id
    hana.options.adapter.update_user(owner, disabled=True)
    revoker.mark_user_changed(owner, hana.options.sessions)
    assert hana.session() is None


def test_a_sign_out_while_the_database_is_down_deletes_the_cookie_and_revokes_later(
    hana: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, copy = hana.options.sessions.store, copy_of(hana)
    assert copy.session()

    def down(*_: object, **__: object) -> None:
        raise AdapterError("down")

    with monkeypatch.context() as patch:
        patch.setattr(store, "revoke", down)
        hana.sign_out()
        assert hana.cookie(COOKIE) is None
        assert copy.session() is None
        assert len(records(hana)) == 1
    monkeypatch.setattr(hana.options.sessions.revocations, "_due", float("-inf"))
    copy.client.set_cookie(COOKIE, "x", domain="127.0.0.1")
    copy.session()
    assert records(hana) == []


def test_a_sign_out_by_a_worker_that_cannot_decode_the_cookie_revokes_later(
    hana: Browser, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Use a worker that has not reached the database yet. With the database strategy it looks each session up there."""
    fresh, token, text = Browser(make_app()), hana.csrf_token(), hana.cookie(COOKIE) or ""
    for name in (COOKIE, "authjs.csrf-token"):
        fresh.client.set_cookie(name, hana.cookie(name) or "", domain="127.0.0.1")

    def down(*_: object, **__: object) -> None:
        raise AdapterError("down")

    with monkeypatch.context() as patch:
        for name in ("revocations_since", "get_claims", "get", "revoke"):
            patch.setattr(fresh.options.sessions.store, name, down)
        assert fresh.post("/api/auth/signout", data={"csrfToken": token}).status_code == 303
    assert fresh.cookie(COOKIE) is None
    monkeypatch.setattr(fresh.options.sessions.revocations, "_retry", float("-inf"))
    monkeypatch.setattr(fresh.options.sessions.revocations, "_due", float("-inf"))
    fresh.client.set_cookie(COOKIE, text, domain="127.0.0.1")
    fresh.session()
    assert fresh.session() is None
    assert records(hana) == []


def test_no_page_contains_the_session_token_or_its_id(hana: Browser) -> None:
    cookie, sid = hana.cookie(COOKIE) or "", _sid(hana)
    for path in ("/", "/dashboard", "/api/auth/session", "/api/user/profile", "/partials/user-menu"):
        page = hana.get(path).get_data(as_text=True)
        assert cookie not in page
        assert sid not in page


class TestDatabase:
    """Behaviour of the database strategy only."""

    @pytest.fixture(name="strategy")
    def _strategy(self, environment: Environment) -> str:
        environment["AUTH_SESSION_STRATEGY"] = "database"
        return "database"

    def test_the_cookie_is_random_and_only_its_hash_is_stored(self, hana: Browser) -> None:
        cookie = hana.cookie(COOKIE) or ""
        assert len(cookie) == 43
        with hana.options.adapter._database.read() as session:
            rows = session.execute(text("SELECT * FROM genkan_sessions")).all()
        dump = json.dumps([list(row) for row in rows], default=str)
        assert cookie not in dump
        assert sha256(cookie.encode()).hexdigest() in dump

    def test_a_request_costs_one_query(self, hana: Browser) -> None:
        statements: list[str] = []
        engine = hana.options.adapter._database.engine
        hana.session()
        event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_: statements.append(statement))
        for path in ("/dashboard", "/partials/user-menu", "/api/auth/session"):
            statements.clear()
            hana.get(path)
            asked = [
                arguments
                for arguments in statements
                if "FROM revocations" not in arguments and not arguments.startswith("BEGIN")
            ]
            assert len(asked) == 1

    def test_while_the_database_is_down_no_session_is_read_and_the_cookie_stays(
        self, hana: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*_: object) -> None:
            raise AdapterError("down")

        with monkeypatch.context() as patch:
            patch.setattr(hana.options.sessions.store, "get_claims", down)
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


class TestSessionsWithoutRecord:
    """Sessions that a Next.js application created with the same secret: tokens without a record."""

    @pytest.fixture(name="strategy")
    def _strategy(self, environment: Environment) -> str:
        environment["AUTH_SESSION_STRATEGY"] = "jwt"
        return "jwt"

    @pytest.fixture(name="foreign")
    def _foreign(self, app: Flask, environment: Environment, clock: FrozenClock) -> Browser:
        foreign = Browser(app)
        sealer = Sealer((environment["AUTH_SECRET"],), COOKIE, clock)
        token = sealer.seal({"sub": "next-1", "name": "Grace"}, 30 * DAY)
        foreign.client.set_cookie(COOKIE, token, domain="127.0.0.1")
        return foreign

    def test_the_user_is_signed_in(self, foreign: Browser) -> None:
        assert foreign.session()

    def test_a_copied_cookie_is_refused_after_sign_out(self, foreign: Browser) -> None:
        copy = copy_of(foreign)
        foreign.sign_out()
        assert copy.session() is None

    def test_the_original_cookie_is_refused_after_the_extended_one_is_revoked(
        self, foreign: Browser, clock: FrozenClock
    ) -> None:
        first = copy_of(foreign)
        for _ in range(3):
            clock.advance(DAY)
            foreign.session()
        assert foreign.cookie(COOKIE) != first.cookie(COOKIE)
        foreign.sign_out()
        assert first.session() is None

    @pytest.mark.parametrize("sid", [7, None, "x" * 1500, "half \ud83d", "nul \0", "of its own"])
    def test_a_sign_out_revokes_the_session_whatever_its_sid_claim_is(
        self, foreign: Browser, sid: object, clock: FrozenClock
    ) -> None:
        now = int(clock())
        claims = {"sub": "next-1", "name": "Grace", "sid": sid, "iat": now, "exp": now + 30 * DAY, "jti": "j"}
        foreign.client.set_cookie(COOKIE, jwe.seal_claims(claims, SECRET, COOKIE), domain="127.0.0.1")
        first = copy_of(foreign)
        clock.advance(DAY)
        assert foreign.session()
        foreign.sign_out()
        assert first.session() is None
        assert not foreign.options.sessions.revocations._deferred

    def test_a_jwt_callback_that_drops_all_claims_keeps_the_session_revocable(self, foreign: Browser) -> None:
        state = foreign.app.extensions["genkan"]
        anew = replace(state.core.callbacks, jwt=lambda params: {"sub": params.token["sub"]})
        state.core = with_callbacks(state.core, anew)
        copy = copy_of(foreign)
        assert copy.session()
        foreign.sign_out()
        assert copy.session() is None

    def test_revoking_all_sessions_of_the_user_does_not_prevent_a_new_one(
        self, foreign: Browser, clock: FrozenClock
    ) -> None:
        revoker.revoke_all_sessions("next-1", "owner", foreign.options.sessions)
        assert foreign.session() is None
        clock.advance(1)
        token = foreign.options.sessions.sealer.seal({"sub": "next-1", "name": "Grace"}, 30 * DAY)
        foreign.client.set_cookie(COOKIE, token, domain="127.0.0.1")
        assert foreign.session()

    def test_marking_an_unknown_user_as_changed_changes_nothing(self, foreign: Browser) -> None:
        revoker.mark_user_changed("next-1", foreign.options.sessions)
        session = foreign.session()
        assert session is not None
        assert session["user"]["name"] == "Grace"


def test_the_revocation_list_is_refreshed_by_the_monotonic_clock(hana: Browser, clock: FrozenClock) -> None:
    """Turn the wall clock back an hour. The worker keeps reading revocations."""
    clock.advance(-3600)
    assert hana.options.sessions.revocations._monotonic is time.monotonic


def _sid(browser: Browser) -> str:
    known = browser.options.sessions.cache.get(sha256((browser.cookie(COOKIE) or "").encode()).digest())
    assert known is not None
    return str(known.token["sid"])
