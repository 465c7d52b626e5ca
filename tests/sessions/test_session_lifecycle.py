"""The life of a session, with either strategy: it begins with a sign-in, it is seen, it ends, and then it is over."""

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
from tests.core import SECRET
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
    """Somebody else's browser with a copy of the session cookie."""
    copy = Browser(browser.app)
    copy.client.set_cookie(COOKIE, browser.cookie(COOKIE) or "", domain="127.0.0.1")
    return copy


def records(browser: Browser) -> list[SessionRecord]:
    now = int(browser.options.clock())
    return list(browser.options.sessions.store.list_live(now, 100))


def test_a_sign_in_is_written_down(app: Flask, clock: FrozenClock) -> None:
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
    (noted,) = hana.options.sessions.store.activity(record.user_id, 9)
    assert (noted.kind, noted.device, noted.at) == ("signed-in", "Firefox on Linux", START)


def test_a_copied_cookie_is_dead_after_signing_out(hana: Browser) -> None:
    copy, owner = copy_of(hana), records(hana)[0].user_id
    assert copy.session()
    hana.sign_out()
    assert copy.session() is None
    assert copy.get("/dashboard").status_code == 303
    (noted, _) = hana.options.sessions.store.activity(owner, 9)
    assert (noted.kind, noted.detail) == ("ended", "signed-out")


def test_the_dead_cookie_is_taken_away(hana: Browser) -> None:
    copy = copy_of(hana)
    hana.sign_out()
    copy.session()
    assert copy.cookie(COOKIE) is None


def test_a_late_answer_that_sets_the_cookie_again_revives_nothing(hana: Browser, clock: FrozenClock) -> None:
    clock.advance(DAY)
    slow = copy_of(hana)
    slow.session()
    assert slow.cookie(COOKIE)
    hana.sign_out()
    assert slow.session() is None


def test_prolonging_keeps_the_sessions_name_and_is_written_down(hana: Browser, clock: FrozenClock) -> None:
    (before,) = records(hana)
    clock.advance(DAY)
    hana.session()
    (after,) = records(hana)
    assert after.id == before.id
    assert (after.expires, after.last_seen) == (START + 31 * DAY, START + DAY)
    assert after.absolute_expires == before.absolute_expires


def test_being_seen_is_written_down_every_five_minutes(hana: Browser, clock: FrozenClock) -> None:
    seen = []
    for _ in range(6):
        clock.advance(100)
        hana.session()
        seen.append(records(hana)[0].last_seen - START)
    assert seen == [0, 0, 300, 300, 300, 600]


def test_a_new_sign_in_replaces_the_session_of_this_browser_only(hana: Browser) -> None:
    elsewhere = Browser(hana.app)
    elsewhere.sign_in()
    before = copy_of(hana)
    hana.sign_in()
    assert before.session() is None
    assert hana.session()
    assert elsewhere.session()
    assert len(records(hana)) == 2


def test_a_planted_session_is_not_the_one_that_a_sign_in_starts(hana: Browser) -> None:
    """Fixation (S1): the enemy's cookie is dead after it, and opens nothing of the victim's."""
    victim = copy_of(hana)
    victim.sign_in("Sam Sample")
    assert hana.session() is None
    session = victim.session()
    assert session is not None
    assert session["user"]["name"] == "Sam Sample"


def test_ending_everywhere_ends_everything_and_somebody_may_come_back(hana: Browser, clock: FrozenClock) -> None:
    elsewhere = Browser(hana.app)
    elsewhere.sign_in()
    (first, _) = records(hana)
    assert revoker.revoke_all_sessions(first.user_id, "owner", hana.options) == 2
    assert hana.session() is None
    assert elsewhere.session() is None
    hana.sign_in()
    assert hana.session()


def test_ending_the_others_keeps_this_one(hana: Browser) -> None:
    elsewhere = Browser(hana.app)
    elsewhere.sign_in()
    mine = _sid(hana)
    owner = records(hana)[0].user_id
    assert revoker.revoke_other_sessions(owner, mine, "ended", hana.options) == 1
    assert hana.session()
    assert elsewhere.session() is None


def test_somebody_elses_session_can_not_be_ended(hana: Browser) -> None:
    sam = Browser(hana.app)
    sam.sign_in("Sam Sample")
    sids = {record.id: record.user_id for record in records(hana)}
    (others,) = (user for sid, user in sids.items() if sid != _sid(hana))
    assert not revoker.revoke_session(others, _sid(hana), "ended", hana.options)
    assert not revoker.revoke_session(others, "no such session", "ended", hana.options)
    assert hana.session()


def test_a_new_role_is_seen_by_the_next_request(hana: Browser, clock: FrozenClock) -> None:
    owner = records(hana)[0].user_id
    for role in ("editor", "owner", "user"):
        hana.options.adapter.update_user(owner, role=role)
        revoker.mark_user_changed(owner, hana.options)
        session = hana.session()
        assert session is not None
        assert session["user"]["role"] == role
        clock.advance(5)


def test_a_new_role_travels_in_the_cookie_from_then_on(hana: Browser, clock: FrozenClock) -> None:
    owner = records(hana)[0].user_id
    hana.options.adapter.update_user(owner, role="owner")
    revoker.mark_user_changed(owner, hana.options)
    clock.advance(1)
    before = hana.cookie(COOKIE)
    hana.session()
    if hana.options.sessions.strategy.remembers:
        assert hana.cookie(COOKIE) != before
    hana.options.sessions.cache.clear()
    session = hana.session()
    assert session is not None
    assert session["user"]["role"] == "owner"


def test_an_update_keeps_no_role_that_was_taken_away(hana: Browser, clock: FrozenClock) -> None:
    owner, token = records(hana)[0].user_id, hana.csrf_token()
    hana.options.adapter.update_user(owner, role="owner")
    revoker.mark_user_changed(owner, hana.options)
    clock.advance(5)
    assert (hana.session() or {})["user"]["role"] == "owner"
    hana.options.adapter.update_user(owner, role="user")
    revoker.mark_user_changed(owner, hana.options)
    clock.advance(5)
    answer = hana.post("/api/auth/session", json={"csrfToken": token, "data": {}})
    assert answer.get_json()["user"]["role"] == "user"
    assert (hana.session() or {})["user"]["role"] == "user"


def test_a_cookie_prolonged_before_the_news_came_keeps_no_old_role(hana: Browser, clock: FrozenClock) -> None:
    owner = records(hana)[0].user_id
    clock.advance(DAY)
    hana.options.adapter.update_user(owner, role="owner")
    # This worker hears of it only after it has prolonged the session, in the next second.
    clock.advance(1)
    hana.session()
    hana.options.sessions.store.note_change(owner, int(clock()) - 1)
    hana.options.sessions.revocations._due = float("-inf")
    assert (hana.session() or {})["user"]["role"] == "owner"


def test_two_changes_in_one_second_are_both_seen(hana: Browser) -> None:
    owner = records(hana)[0].user_id
    copy = copy_of(hana)
    for role in ("owner", "user"):
        hana.options.adapter.update_user(owner, role=role)
        revoker.mark_user_changed(owner, hana.options)
        copy.client.set_cookie(COOKIE, hana.cookie(COOKIE) or "", domain="127.0.0.1")
        assert (copy.session() or {})["user"]["role"] == role


def test_somebody_disabled_is_out_and_stays_out(hana: Browser) -> None:
    owner = records(hana)[0].user_id
    hana.options.adapter.update_user(owner, disabled=True)
    revoker.revoke_all_sessions(owner, "disabled", hana.options)
    assert hana.session() is None
    refused = hana.sign_in()
    assert "error=AccessDenied" in refused.headers["Location"]
    assert hana.session() is None


def test_a_disabled_user_whose_token_is_read_anew_is_nobody(hana: Browser) -> None:
    """Also where only the news of a change has come through."""
    owner = records(hana)[0].user_id
    hana.options.adapter.update_user(owner, disabled=True)
    revoker.mark_user_changed(owner, hana.options)
    assert hana.session() is None


def test_while_the_store_is_down_signing_out_still_signs_out_here_and_is_made_up_for(
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


def test_signing_out_is_made_up_for_also_where_nobody_can_tell_whose_session_it_is(
    hana: Browser, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that has not reached the database yet, or one that looks each session up there."""
    fresh, token, text = Browser(make_app()), hana.csrf_token(), hana.cookie(COOKIE) or ""
    for name in (COOKIE, "authjs.csrf-token"):
        fresh.client.set_cookie(name, hana.cookie(name) or "", domain="127.0.0.1")

    def down(*_: object, **__: object) -> None:
        raise AdapterError("down")

    with monkeypatch.context() as patch:
        for name in ("endings_after", "get_claims", "get", "end"):
            patch.setattr(fresh.options.sessions.store, name, down)
        assert fresh.post("/api/auth/signout", data={"csrfToken": token}).status_code == 303
    assert fresh.cookie(COOKIE) is None
    monkeypatch.setattr(fresh.options.sessions.revocations, "_retry", float("-inf"))
    monkeypatch.setattr(fresh.options.sessions.revocations, "_due", float("-inf"))
    fresh.client.set_cookie(COOKIE, text, domain="127.0.0.1")
    fresh.session()
    assert fresh.session() is None
    assert records(hana) == []


def test_no_answer_tells_a_sessions_token_or_its_name(hana: Browser) -> None:
    cookie, sid = hana.cookie(COOKIE) or "", _sid(hana)
    for path in ("/", "/dashboard", "/api/auth/session", "/api/user/profile", "/partials/user-menu"):
        page = hana.get(path).get_data(as_text=True)
        assert cookie not in page
        assert sid not in page


class TestDatabase:
    """What only the database strategy promises."""

    @pytest.fixture(name="strategy")
    def _strategy(self, environment: Environment) -> str:
        environment["AUTH_SESSION_STRATEGY"] = "database"
        return "database"

    def test_the_cookie_is_chance_alone_and_the_database_does_not_hold_it(self, hana: Browser) -> None:
        cookie = hana.cookie(COOKIE) or ""
        assert len(cookie) == 43
        with hana.options.adapter._database.read() as session:
            rows = session.execute(text("SELECT * FROM genkan_sessions")).all()
        dump = json.dumps([list(row) for row in rows], default=str)
        assert cookie not in dump
        assert sha256(cookie.encode()).hexdigest() in dump

    def test_a_request_costs_one_look_up(self, hana: Browser) -> None:
        statements: list[str] = []
        engine = hana.options.adapter._database.engine
        hana.session()
        event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_: statements.append(statement))
        for path in ("/dashboard", "/partials/user-menu", "/api/auth/session"):
            statements.clear()
            hana.get(path)
            asked = [words for words in statements if "FROM revocations" not in words and not words.startswith("BEGIN")]
            assert len(asked) == 1

    def test_while_the_database_is_down_nobody_is_signed_in_and_nobody_loses_their_cookie(
        self, hana: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*_: object) -> None:
            raise AdapterError("down")

        with monkeypatch.context() as patch:
            patch.setattr(hana.options.sessions.store, "get_claims", down)
            answer = hana.get("/dashboard")
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
            assert hana.get("/api/auth/session").status_code == 503
            assert hana.get("/partials/session", headers=HTMX).status_code == 503
        assert hana.session()

    def test_what_another_worker_writes_is_seen_at_once(self, hana: Browser, make_app: MakeApp) -> None:
        there = Browser(make_app())
        there.client.set_cookie(COOKIE, hana.cookie(COOKIE) or "", domain="127.0.0.1")
        assert there.session()
        hana.sign_out()
        assert there.session() is None


class TestGuests:
    """Somebody whom a Next.js front end signed in: a token without a record."""

    @pytest.fixture(name="strategy")
    def _strategy(self, environment: Environment) -> str:
        environment["AUTH_SESSION_STRATEGY"] = "jwt"
        return "jwt"

    @pytest.fixture(name="guest")
    def _guest(self, app: Flask, environment: Environment, clock: FrozenClock) -> Browser:
        guest = Browser(app)
        sealer = Sealer((environment["AUTH_SECRET"],), COOKIE, clock)
        token = sealer.seal({"sub": "next-1", "name": "Grace"}, 30 * DAY)
        guest.client.set_cookie(COOKIE, token, domain="127.0.0.1")
        return guest

    def test_they_are_signed_in(self, guest: Browser) -> None:
        assert guest.session()

    def test_their_copied_cookie_is_dead_after_signing_out(self, guest: Browser) -> None:
        copy = copy_of(guest)
        guest.sign_out()
        assert copy.session() is None

    def test_that_holds_for_what_we_re_issued_too(self, guest: Browser, clock: FrozenClock) -> None:
        first = copy_of(guest)
        for _ in range(3):
            clock.advance(DAY)
            guest.session()
        assert guest.cookie(COOKIE) != first.cookie(COOKIE)
        guest.sign_out()
        assert first.session() is None

    @pytest.mark.parametrize("sid", [7, None, "x" * 1500, "half \ud83d", "nul \0", "of its own"])
    def test_whatever_their_token_calls_its_session_it_ends(
        self, guest: Browser, sid: object, clock: FrozenClock
    ) -> None:
        now = int(clock())
        claims = {"sub": "next-1", "name": "Grace", "sid": sid, "iat": now, "exp": now + 30 * DAY, "jti": "j"}
        guest.client.set_cookie(COOKIE, jwe.seal_claims(claims, SECRET, COOKIE), domain="127.0.0.1")
        first = copy_of(guest)
        clock.advance(DAY)
        assert guest.session()
        guest.sign_out()
        assert first.session() is None
        assert not guest.options.sessions.revocations._deferred

    def test_a_callback_that_makes_tokens_anew_leaves_them_the_name_they_end_by(self, guest: Browser) -> None:
        house = guest.app.extensions["genkan"]
        anew = replace(house.core.callbacks, jwt=lambda params: {"sub": params.token["sub"]})
        house.core = replace(house.core, callbacks=anew)
        copy = copy_of(guest)
        assert copy.session()
        guest.sign_out()
        assert copy.session() is None

    def test_ending_everywhere_ends_theirs_and_lets_them_come_back(self, guest: Browser, clock: FrozenClock) -> None:
        revoker.revoke_all_sessions("next-1", "owner", guest.options)
        assert guest.session() is None
        clock.advance(1)
        token = guest.options.sessions.sealer.seal({"sub": "next-1", "name": "Grace"}, 30 * DAY)
        guest.client.set_cookie(COOKIE, token, domain="127.0.0.1")
        assert guest.session()

    def test_a_change_of_somebody_who_is_not_kept_here_changes_nothing(self, guest: Browser) -> None:
        revoker.mark_user_changed("next-1", guest.options)
        session = guest.session()
        assert session is not None
        assert session["user"]["name"] == "Grace"


def test_the_pace_of_the_snapshot_is_not_the_wall_clocks(hana: Browser, clock: FrozenClock) -> None:
    """A clock that jumps back an hour does not make a worker deaf (F12)."""
    clock.advance(-3600)
    assert hana.options.sessions.revocations._monotonic is time.monotonic


def _sid(browser: Browser) -> str:
    known = browser.options.sessions.cache.get(sha256((browser.cookie(COOKIE) or "").encode()).digest())
    assert known is not None
    return str(known.token["sid"])
