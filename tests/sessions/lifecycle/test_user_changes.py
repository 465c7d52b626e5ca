"""A change of the user is in force at the next request of every session, with both strategies."""

from __future__ import annotations

from genkan.session import revoker
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.sessions.lifecycle.conftest import COOKIE, DAY, copy_of, records


def test_a_new_role_is_in_force_at_the_next_request(hana: Browser, clock: FrozenClock) -> None:
    owner = records(hana)[0].user_id
    for role in ("editor", "owner", "user"):
        hana.core.adapter.update_user(owner, role=role)
        revoker.mark_user_changed(owner, hana.core.sessions)
        session = hana.session()
        assert session is not None
        assert session["user"]["role"] == role
        clock.advance(5)


def test_a_new_role_is_written_to_the_cookie(hana: Browser, clock: FrozenClock) -> None:
    owner = records(hana)[0].user_id
    hana.core.adapter.update_user(owner, role="owner")
    revoker.mark_user_changed(owner, hana.core.sessions)
    clock.advance(1)
    before = hana.cookie(COOKIE)
    hana.session()
    if hana.core.sessions.strategy.cacheable:
        assert hana.cookie(COOKIE) != before
    hana.core.sessions.cache.clear()
    session = hana.session()
    assert session is not None
    assert session["user"]["role"] == "owner"


def test_an_update_does_not_restore_a_removed_role(hana: Browser, clock: FrozenClock) -> None:
    owner, token = records(hana)[0].user_id, hana.csrf_token()
    hana.core.adapter.update_user(owner, role="owner")
    revoker.mark_user_changed(owner, hana.core.sessions)
    clock.advance(5)
    assert (hana.session() or {})["user"]["role"] == "owner"
    hana.core.adapter.update_user(owner, role="user")
    revoker.mark_user_changed(owner, hana.core.sessions)
    clock.advance(5)
    response = hana.post("/api/auth/session", json={"csrfToken": token, "data": {}})
    assert response.get_json()["user"]["role"] == "user"
    assert (hana.session() or {})["user"]["role"] == "user"


def test_a_cookie_extended_before_the_role_changed_gets_the_new_role(hana: Browser, clock: FrozenClock) -> None:
    owner = records(hana)[0].user_id
    clock.advance(DAY)
    hana.core.adapter.update_user(owner, role="owner")
    # This worker reads the change only after it has extended the session, in the next second.
    clock.advance(1)
    hana.session()
    hana.core.sessions.store.mark_user_changed(owner, int(clock()) - 1)
    hana.core.sessions.revocations._due = float("-inf")
    assert (hana.session() or {})["user"]["role"] == "owner"


def test_two_changes_in_one_second_are_both_in_force(hana: Browser) -> None:
    owner = records(hana)[0].user_id
    copy = copy_of(hana)
    for role in ("owner", "user"):
        hana.core.adapter.update_user(owner, role=role)
        revoker.mark_user_changed(owner, hana.core.sessions)
        copy.client.set_cookie(COOKIE, hana.cookie(COOKIE) or "", domain="127.0.0.1")
        assert (copy.session() or {})["user"]["role"] == role


def test_a_disabled_user_is_signed_out_and_cannot_sign_in(hana: Browser) -> None:
    owner = records(hana)[0].user_id
    hana.core.adapter.update_user(owner, disabled=True)
    revoker.revoke_all_sessions(owner, "disabled", hana.core.sessions)
    assert hana.session() is None
    refused = hana.sign_in()
    assert "error=AccessDenied" in refused.headers["Location"]
    assert hana.session() is None


def test_a_disabled_user_has_no_session_after_the_user_is_reloaded(hana: Browser) -> None:
    """Mark the user as changed without revoking the sessions."""
    owner = records(hana)[0].user_id
    hana.core.adapter.update_user(owner, disabled=True)
    revoker.mark_user_changed(owner, hana.core.sessions)
    assert hana.session() is None
