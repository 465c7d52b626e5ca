"""The lifecycle of a session with both strategies: created, extended, revoked."""

from __future__ import annotations

import time

from flask import Flask

from genkan.session import revoker
from tests.browser import Browser
from tests.clock import START, FrozenClock
from tests.sessions.lifecycle.conftest import COOKIE, DAY, copy_of, records, sid, token_of


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
    (entry,) = hana.core.sessions.store.list_activity(record.user_id, 9)
    assert (entry.kind, entry.device, entry.at) == ("signed-in", "Firefox on Linux", START)


def test_a_copied_cookie_is_refused_after_sign_out(hana: Browser) -> None:
    copy, owner = copy_of(hana), records(hana)[0].user_id
    assert copy.session()
    hana.sign_out()
    assert copy.session() is None
    assert copy.get("/dashboard").status_code == 303
    (entry, _) = hana.core.sessions.store.list_activity(owner, 9)
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
    assert revoker.revoke_user(first.user_id, "owner", hana.core.sessions) == 2
    assert hana.session() is None
    assert elsewhere.session() is None
    hana.sign_in()
    assert hana.session()


def test_revoking_the_other_sessions_keeps_this_one(hana: Browser) -> None:
    elsewhere = Browser(hana.app)
    elsewhere.sign_in()
    current = token_of(hana)
    owner = records(hana)[0].user_id
    assert revoker.revoke_user(owner, "ended", hana.core.sessions, except_token=current) == 1
    assert hana.session()
    assert elsewhere.session() is None


def test_a_session_of_another_user_cannot_be_revoked(hana: Browser) -> None:
    sam = Browser(hana.app)
    sam.sign_in("Sam Sample")
    sids = {record.id: record.user_id for record in records(hana)}
    (others,) = (user for session_id, user in sids.items() if session_id != sid(hana))
    assert not revoker.revoke_session(others, sid(hana), "ended", hana.core.sessions)
    assert not revoker.revoke_session(others, "no such session", "ended", hana.core.sessions)
    assert hana.session()


def test_no_page_contains_the_session_token_or_its_id(hana: Browser) -> None:
    cookie, session_id = hana.cookie(COOKIE) or "", sid(hana)
    for path in ("/", "/dashboard", "/api/auth/session", "/api/user/profile", "/partials/user-menu"):
        page = hana.get(path).get_data(as_text=True)
        assert cookie not in page
        assert session_id not in page


def test_the_revocation_list_is_refreshed_by_the_monotonic_clock(hana: Browser, clock: FrozenClock) -> None:
    """Turn the wall clock back an hour. The worker keeps reading revocations."""
    clock.advance(-3600)
    assert hana.core.sessions.revocations._monotonic is time.monotonic
