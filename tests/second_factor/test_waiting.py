"""Sign-ins that wait for the second factor: many guesses, another user's session, and users who are revoked meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from genkan.actions import users
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.second_factor.conftest import Enrolled
from tests.second_factor.steps import ADDRESS, SECOND, enter, sign_in, sign_up
from tests.second_factor.test_attacks import cookies_in, waiting
from tests.second_factor.test_second_factor import claims


def test_of_many_guesses_at_the_same_time_ten_are_compared(enrolled: Enrolled, app: Flask) -> None:
    """In as many waiting sign-ins as a person who knows the password likes."""
    browsers = [waiting(app) for _ in range(6)]
    tokens = [browser.csrf_token() for browser in browsers]

    def guess(number: int) -> int:
        other = Browser(app)
        other.client._cookies = dict(cookies_in(browsers[number % 6]))
        data = {"csrfToken": tokens[number % 6], "code": "AAAAA-AAAAA"}
        return other.post("/account/second", data=data).status_code

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(guess, range(24)))
    assert answers.count(422) == 10
    assert answers.count(429) == 14


def test_a_proof_of_another_user_confirms_no_identity(enrolled: Enrolled, app: Flask, clock: FrozenClock) -> None:
    """Neither the password nor a waiting sign-in that was begun to confirm the identity of another user."""
    other, browser = Browser(app), Browser(app)
    sign_up(other, app, "aoi@example.com")
    clock.advance(400)
    before = claims(other)

    assert "reason=another-person" in sign_in(other, purpose="fresh")
    assert sign_in(browser, purpose="fresh") == SECOND
    name = other.core.cookie_names.session
    browser.client.set_cookie(name, str(other.cookie(name)), domain="127.0.0.1")
    assert "reason=another-person" in enter(browser, enrolled.app.next_code()).headers["Location"]
    for each in (other, browser):
        assert (claims(each)["sub"], claims(each)["auth_time"]) == (before["sub"], before["auth_time"])


@pytest.mark.parametrize("change", ["deleted", "disabled and enabled"])
def test_a_user_who_was_revoked_does_not_complete_the_sign_in(enrolled: Enrolled, app: Flask, change: str) -> None:
    browser = waiting(app)
    core = browser.core
    user = core.adapter.get_user_by_email(ADDRESS)
    assert user is not None
    if change == "deleted":
        users.delete(user.id, core)
    else:
        users.disable(user.id, core)
        users.enable(user.id, core)

    assert "reason=expired" in enter(browser, enrolled.app.next_code()).headers["Location"]
    assert browser.session() is None
