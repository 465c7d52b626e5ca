"""The owner's commands for sessions: who is signed in where, and how to end it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask

from tests.account.test_account import PHONE, next_js, sid, user_id, visitor
from tests.browser import Browser
from tests.clock import FrozenClock


def run(app: Flask, *words: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["sessions", *words])
    return result.exit_code, result.output


def written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(name="hana")
def _hana(app: Flask) -> Browser:
    return visitor(app)


@pytest.fixture(name="alex")
def _alex(app: Flask) -> Browser:
    return visitor(app, "Alex Admin", PHONE, "2001:db8::7")


def test_the_list_shows_where_everybody_is_signed_in(
    app: Flask, clock: FrozenClock, hana: Browser, alex: Browser
) -> None:
    code, shown = run(app, "list")
    now = clock()
    times = [written(now), written(now), written(now + 30 * 86400)]

    assert code == 0
    assert {tuple(line.split("\t")) for line in shown.splitlines()} == {
        (sid(hana), "192.0.2.1", "Firefox on Windows", "hana@example.com", "development", *times),
        (sid(alex), "2001:db8::7", "Safari on iPhone", "admin@example.com", "development", *times),
    }


def test_the_list_can_be_of_one_person_and_of_few(app: Flask, hana: Browser, alex: Browser) -> None:
    assert [line.split("\t")[0] for line in run(app, "list", "--user", "HANA@example.com")[1].splitlines()] == [
        sid(hana)
    ]
    assert len(run(app, "list", "--limit", "1")[1].splitlines()) == 1


@pytest.mark.parametrize("words", [["list", "--user"], ["end", "--user"]])
def test_an_address_that_nobody_has_is_said_to_be_so(app: Flask, hana: Browser, words: list[str]) -> None:
    code, shown = run(app, *words, "nobody@example.com")

    assert code == 1
    assert "No user has the address nobody@example.com" in shown
    assert hana.session() is not None


def test_one_session_is_ended_by_its_name(app: Flask, hana: Browser, alex: Browser) -> None:
    name = sid(hana)
    assert run(app, "end", name) == (0, "Revoked: 1.\n")

    assert [browser.session() is None for browser in (hana, alex)] == [True, False]
    assert run(app, "end", name) == (0, "Revoked: 0.\n")
    hana.sign_in()
    assert "The owners of this site ended the session on Firefox on Windows" in hana.get("/account").text


def test_a_name_that_begins_with_a_dash_is_still_a_name(app: Flask) -> None:
    code, shown = run(app, "end", "-abcdef")

    assert code == 1
    assert "There is no session -abcdef." in shown


def test_all_sessions_of_one_person_are_ended_also_those_without_a_record(
    app: Flask, hana: Browser, alex: Browser
) -> None:
    other, unlisted = visitor(app), next_js(app, sub=user_id(hana), jti="a")
    assert unlisted.session() is not None
    assert run(app, "end", "--user", "hana@example.com") == (0, "Revoked: 2.\n")

    assert [browser.session() is None for browser in (hana, other, unlisted, alex)] == [True, True, True, False]


def test_everybody_can_be_signed_out(app: Flask, hana: Browser, alex: Browser) -> None:
    assert run(app, "end", "--everyone") == (0, "Revoked: 2.\n")

    assert [browser.session() is None for browser in (hana, alex)] == [True, True]
    assert run(app, "list") == (0, "")


@pytest.mark.parametrize("words", [[], ["one", "--everyone"], ["--user", "hana@example.com", "--everyone"]])
def test_it_has_to_be_said_what_is_to_end(app: Flask, hana: Browser, words: list[str]) -> None:
    code, shown = run(app, "end", *words)

    assert code == 2
    assert "Give exactly one of SID, --user EMAIL or --everyone." in shown
    assert hana.session() is not None


def test_what_is_over_is_dropped(app: Flask, clock: FrozenClock, hana: Browser) -> None:
    assert run(app, "purge") == (0, "Rows deleted: 0.\n")
    clock.advance(100 * 86400)

    # The session, the line that says that it began, and what can be used once: the flow, and the provider's code.
    assert run(app, "purge") == (0, "Rows deleted: 4.\n")
    assert run(app, "purge") == (0, "Rows deleted: 0.\n")
