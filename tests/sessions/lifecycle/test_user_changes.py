"""A change of the user is in force at the next request of every session, with both strategies."""

from __future__ import annotations

from genkan.actions.users import disable
from genkan.web.state import MovableClock
from tests.browser import Browser
from tests.sessions.lifecycle.conftest import COOKIE, DAY, copy_of, records


def test_a_new_role_is_in_force_at_the_next_request(hana: Browser, genkan_clock: MovableClock) -> None:
    owner = records(hana)[0].user_id
    for role in ("editor", "owner", "user"):
        hana.core.adapter.update_user(owner, role=role)
        hana.core.sessions.revocations.read_now()
        session = hana.session()
        assert session is not None
        assert session["user"]["role"] == role
        genkan_clock.advance(5)


def test_a_new_role_is_written_to_the_cookie(hana: Browser, genkan_clock: MovableClock) -> None:
    owner = records(hana)[0].user_id
    hana.core.adapter.update_user(owner, role="owner")
    hana.core.sessions.revocations.read_now()
    genkan_clock.advance(1)
    before = hana.cookie(COOKIE)
    hana.session()
    if hana.core.sessions.strategy.cacheable:
        assert hana.cookie(COOKIE) != before
    hana.core.sessions.cache.clear()
    session = hana.session()
    assert session is not None
    assert session["user"]["role"] == "owner"


def test_an_update_does_not_restore_a_removed_role(hana: Browser, genkan_clock: MovableClock) -> None:
    owner, token = records(hana)[0].user_id, hana.csrf_token()
    hana.core.adapter.update_user(owner, role="owner")
    hana.core.sessions.revocations.read_now()
    genkan_clock.advance(5)
    assert (hana.session() or {})["user"]["role"] == "owner"
    hana.core.adapter.update_user(owner, role="user")
    hana.core.sessions.revocations.read_now()
    genkan_clock.advance(5)
    response = hana.post("/api/auth/session", json={"csrfToken": token, "data": {}})
    assert response.get_json()["user"]["role"] == "user"
    assert (hana.session() or {})["user"]["role"] == "user"


def test_a_cookie_extended_before_the_role_changed_gets_the_new_role(hana: Browser, genkan_clock: MovableClock) -> None:
    owner = records(hana)[0].user_id
    genkan_clock.advance(DAY)
    hana.session()
    hana.core.adapter.update_user(owner, role="owner")
    # This worker reads the change only after it has extended the session, in the next second.
    genkan_clock.advance(1)
    hana.session()
    hana.core.sessions.revocations._due = float("-inf")
    assert (hana.session() or {})["user"]["role"] == "owner"


def test_two_changes_in_one_second_are_both_in_force(hana: Browser) -> None:
    owner = records(hana)[0].user_id
    copy = copy_of(hana)
    for role in ("owner", "user"):
        hana.core.adapter.update_user(owner, role=role)
        hana.core.sessions.revocations.read_now()
        copy.client.set_cookie(COOKIE, hana.cookie(COOKIE) or "", domain="127.0.0.1")
        assert (copy.session() or {})["user"]["role"] == role


def test_a_disabled_user_is_signed_out_and_cannot_sign_in(hana: Browser) -> None:
    owner = records(hana)[0].user_id
    disable(owner, hana.core)
    assert hana.session() is None
    refused = hana.sign_in()
    assert "error=AccessDenied" in refused.headers["Location"]
    assert hana.session() is None
