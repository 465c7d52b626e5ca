"""`flask genkan sessions`: list, revoke and purge sessions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import text

from tests.account.page.conftest import PHONE, sid, sign_in, user_id
from tests.account.page.test_other_applications import next_js
from tests.browser import Browser
from tests.clock import FrozenClock


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["sessions", *arguments])
    return result.exit_code, result.output


def to_utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    return sign_in(app)


@pytest.fixture(name="alex")
def _alex(app: Flask) -> Browser:
    return sign_in(app, "Alex Admin", PHONE, "2001:db8::7")


def test_list_shows_all_active_sessions(app: Flask, clock: FrozenClock, hana: Browser, alex: Browser) -> None:
    code, shown = run(app, "list")
    now = clock()
    times = [to_utc(now), to_utc(now), to_utc(now + 30 * 86400)]

    assert code == 0
    assert {tuple(line.split("\t")) for line in shown.splitlines()} == {
        (sid(hana), "192.0.2.1", "Firefox on Windows", "hana@example.com", "development", *times),
        (sid(alex), "2001:db8::7", "Safari on iPhone", "admin@example.com", "development", *times),
    }


def test_list_can_be_filtered_by_user_and_limited(app: Flask, hana: Browser, alex: Browser) -> None:
    assert [line.split("\t")[0] for line in run(app, "list", "--user", "HANA@example.com")[1].splitlines()] == [
        sid(hana)
    ]
    assert len(run(app, "list", "--limit", "1")[1].splitlines()) == 1


def test_a_user_can_be_given_by_the_id(app: Flask, hana: Browser, alex: Browser) -> None:
    code, shown = run(app, "list", "--user", user_id(hana))

    assert (code, [line.split("\t")[0] for line in shown.splitlines()]) == (0, [sid(hana)])
    assert run(app, "end", "--user", user_id(hana)) == (0, "Revoked: 1.\n")
    assert [browser.session() is None for browser in (hana, alex)] == [True, False]


@pytest.mark.parametrize("arguments", [["list", "--user"], ["end", "--user"]])
def test_an_unknown_email_address_is_an_error(app: Flask, hana: Browser, arguments: list[str]) -> None:
    code, shown = run(app, *arguments, "nobody@example.com")

    assert code == 1
    assert "No user has the address or id nobody@example.com" in shown
    assert hana.session() is not None


def test_a_session_is_revoked_by_its_id(app: Flask, hana: Browser, alex: Browser) -> None:
    name = sid(hana)
    assert run(app, "end", name) == (0, "Revoked: 1.\n")

    assert [browser.session() is None for browser in (hana, alex)] == [True, False]
    assert "Revoked: 0." in run(app, "end", name)[1]
    hana.sign_in()
    assert "The owners of this site ended the session on Firefox on Windows" in hana.get("/account").text


def test_a_session_without_a_record_is_revoked_by_its_id(app: Flask, hana: Browser) -> None:
    """Its record is lost, as after restoring a backup. An id may begin with a dash."""
    name = sid(hana)
    with hana.core.adapter._database.write() as session:
        session.execute(text("DELETE FROM genkan_sessions"))
    assert hana.session() is not None
    for id in (name, "-abcdef"):
        code, shown = run(app, "end", id)
        assert code == 0
        assert f"There is no active record of {id}." in shown
    assert hana.session() is None


def test_all_sessions_of_one_user_are_revoked_with_those_without_a_record(
    app: Flask, hana: Browser, alex: Browser
) -> None:
    other, unlisted = sign_in(app), next_js(app, sub=user_id(hana), jti="a")
    assert unlisted.session() is not None
    assert run(app, "end", "--user", "hana@example.com") == (0, "Revoked: 2.\n")

    assert [browser.session() is None for browser in (hana, other, unlisted, alex)] == [True, True, True, False]


def test_the_sessions_of_all_users_can_be_revoked(app: Flask, hana: Browser, alex: Browser) -> None:
    assert run(app, "end", "--everyone") == (0, "Revoked: 2.\n")

    assert [browser.session() is None for browser in (hana, alex)] == [True, True]
    assert run(app, "list") == (0, "")


@pytest.mark.parametrize("arguments", [[], ["one", "--everyone"], ["--user", "hana@example.com", "--everyone"]])
def test_revoking_needs_one_id_or_one_option(app: Flask, hana: Browser, arguments: list[str]) -> None:
    code, shown = run(app, "end", *arguments)

    assert code == 2
    assert "Give exactly one of SID, --user EMAIL_OR_ID or --everyone." in shown
    assert hana.session() is not None


def test_purge_deletes_expired_rows_in_steps_of_a_day(app: Flask, clock: FrozenClock, hana: Browser) -> None:
    """A clock that is wrong for a moment deletes nothing."""
    clock.advance(100 * 86400)
    assert run(app, "purge") == (0, "Rows deleted: 0.\n")

    deleted = 0
    for _ in range(95):
        clock.advance(86400)
        code, shown = run(app, "purge")
        assert code == 0
        deleted += int(shown.removeprefix("Rows deleted: ").removesuffix(".\n"))
    # The session, its activity entry, and the used ids of the flow and of the provider's code.
    assert deleted == 4
