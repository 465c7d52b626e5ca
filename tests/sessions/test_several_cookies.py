"""Several session cookies of one name, as browsers send them if their paths or domains differ."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from genkan.http.cookies import CHUNK_CHARACTERS, MAX_SESSION_COOKIES
from tests.browser import Browser
from tests.clock import FrozenClock
from tests.core import with_callback

NAME = "authjs.session-token"
ORIGIN = "http://127.0.0.1:5000"
FOREIGN = "eyJhbGciOiJkaXIifQ..another.application.s"


def signed_in(app: Flask, user: str = "Hana Example") -> str:
    """Return the session cookie of a new session of this user."""
    browser = Browser(app)
    browser.sign_in(user)
    return browser.cookie(NAME) or ""


def header(*values: str) -> str:
    return "; ".join(f"{NAME}={value}" for value in values)


def get(app: Flask, cookie: str) -> TestResponse:
    return app.test_client(use_cookies=False).get("/api/auth/session", base_url=ORIGIN, headers={"Cookie": cookie})


def name_of(app: Flask, cookie: str) -> str | None:
    session = get(app, cookie).get_json()
    return session and str(session["user"]["name"])


@pytest.mark.parametrize(
    "others", [[FOREIGN], ["x"], ["", "é"], [FOREIGN] * 9], ids=["foreign", "junk", "empty", "repeated"]
)
def test_the_one_that_opens_counts_at_any_place(app: Flask, others: list[str]) -> None:
    ours = signed_in(app)
    for at in range(len(others) + 1):
        cookie = header(*others[:at], ours, *others[at:])
        assert name_of(app, cookie) == "Hana Example"
        assert "session-token" not in str(get(app, cookie).headers.getlist("Set-Cookie"))


def test_chunks_count_beside_a_whole_cookie_that_does_not_open(app: Flask) -> None:
    ours = signed_in(app)
    half = len(ours) // 2
    chunks = f"{NAME}.0={ours[:half]}; {NAME}.1={ours[half:]}"
    assert name_of(app, f"{header(FOREIGN)}; {chunks}") == "Hana Example"
    assert name_of(app, f"{NAME}.0=foreign; {NAME}.1=chunks; {chunks}") == "Hana Example"
    assert name_of(app, f"{NAME}.0={ours[:half]}; {NAME}.1=chunks; {NAME}.0=foreign; {NAME}.1={ours[half:]}") is None


def test_a_session_counts_beside_one_that_has_ended(app: Flask, clock: FrozenClock) -> None:
    expired = signed_in(app)
    clock.advance(31 * 86_400)
    ours = signed_in(app)
    for values in ((expired, ours), (ours, expired)):
        assert name_of(app, header(*values)) == "Hana Example"
    assert name_of(app, header(expired, FOREIGN)) is None
    assert f"{NAME}=; Max-Age=0" in str(get(app, header(FOREIGN, expired)).headers.getlist("Set-Cookie"))


def test_sessions_of_several_users_sign_in_none_of_them(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """A page on a neighbouring host can set a cookie for the whole domain, with a session of the attacker."""
    victim, attacker = signed_in(app), signed_in(app, "Sam Sample")
    for values in ((victim, attacker), (attacker, victim)):
        caplog.clear()
        assert name_of(app, header(*values)) is None
        assert "session-token" not in str(get(app, header(*values)).headers.getlist("Set-Cookie"))
        assert "session-ambiguous" in [getattr(record, "event", None) for record in caplog.records]
    assert name_of(app, header(victim)) == "Hana Example"


def test_a_session_that_can_not_be_read_is_not_replaced_by_another(app: Flask) -> None:
    ours, other = signed_in(app), signed_in(app, "Sam Sample")
    state = app.extensions["genkan"]

    def fail_for_one(params: object) -> object:
        if getattr(params, "token", {}).get("name") == "Hana Example":
            raise RuntimeError
        return getattr(params, "token", None)

    state.core = with_callback(state.core, jwt=fail_for_one)
    state.core.sessions.cache.clear()
    assert name_of(app, header(other, ours)) is None


def test_a_sign_out_ends_every_session_that_the_browser_sent(app: Flask) -> None:
    first, second = signed_in(app), signed_in(app)
    client = app.test_client(use_cookies=False)
    page = client.get("/api/auth/csrf", base_url=ORIGIN, headers={"Cookie": header(first, second)})
    csrf = page.headers["Set-Cookie"].partition(";")[0]
    token = page.get_json()["csrfToken"]
    cookie = f"{header(first, second)}; {csrf}"
    answer = client.post("/api/auth/signout", base_url=ORIGIN, data={"csrfToken": token}, headers={"Cookie": cookie})
    assert answer.status_code == 303
    assert [name_of(app, header(value)) for value in (first, second)] == [None, None]


def test_a_sign_in_ends_the_sessions_of_several_users(app: Flask) -> None:
    planted, own = signed_in(app, "Sam Sample"), signed_in(app)
    browser = Browser(app)
    for path, value in (("/", own), ("/api", planted)):
        browser.client.set_cookie(NAME, value, domain="127.0.0.1", path=path)
    assert browser.session() is None
    browser.sign_in()
    assert (browser.session() or {})["user"]["name"] == "Hana Example"
    assert name_of(app, header(planted)) is None


def test_an_update_changes_the_session_that_counts(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in()
    browser.client.set_cookie(NAME, FOREIGN, domain="127.0.0.1", path="/api")
    assert (browser.session() or {})["user"]["name"] == "Hana Example"
    answer = browser.post("/api/auth/session", json={"csrfToken": browser.csrf_token(), "data": {}})
    assert answer.get_json()["user"]["name"] == "Hana Example"


def test_only_a_few_are_tried(app: Flask) -> None:
    ours = signed_in(app)
    values = [f"{FOREIGN}{number}" for number in range(MAX_SESSION_COOKIES)]
    assert name_of(app, header(*values[1:], ours)) == "Hana Example"
    assert name_of(app, header(*values, ours)) is None
    assert len(ours) < CHUNK_CHARACTERS * MAX_SESSION_COOKIES
