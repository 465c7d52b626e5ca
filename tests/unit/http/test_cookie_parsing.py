"""Cookies and tokens of forms to the letter: what only browsers strip, what only looks masked, what is too long to keep."""

from __future__ import annotations

import pytest

from genkan.errors import MissingCSRF
from genkan.http.cookies import CookieNames, read_session
from genkan.http.csrf import CSRF
from genkan.oauth import logout_state
from tests.clock import FrozenClock
from tests.core import ORIGIN, make_core

NAME = "authjs.session-token"


@pytest.mark.parametrize("odd", ["\xa0", "\x0b", "\x0c", "\x1f", "\x85"])
def test_only_spaces_and_tabs_around_a_value_are_no_part_of_it_however_many_cookies_there_are(odd: str) -> None:
    """RFC 6265 5.2."""
    for header in (f"{NAME}={odd}a{odd} \t", f"{NAME}= \t{odd}a{odd}; {NAME}-legacy=x"):
        found = read_session(header, NAME)
        assert found is not None
        assert (found.token or "").strip(" \t") == f"{odd}a{odd}"


def test_on_https_the_way_back_from_a_provider_is_kept_for_this_host_alone() -> None:
    assert CookieNames.of(secure=True).sign_out == "__Host-authjs.sign-out"
    assert CookieNames.of(secure=False).sign_out == "authjs.sign-out"


@pytest.mark.parametrize("odd", [" ", "\n", "00", "0"])
def test_a_masked_token_with_something_around_it_is_none(odd: str) -> None:
    csrf = CSRF(["secret"], ORIGIN)
    pair = csrf.create()
    masked = pair.mask()
    csrf.check(pair.cookie, masked)

    for submitted in (masked + odd, odd + masked, masked[:64] + odd + masked[64:]):
        with pytest.raises(MissingCSRF):
            csrf.check(pair.cookie, submitted)


@pytest.mark.parametrize(("length", "is_kept"), [(1000, True), (4000, False)])
def test_a_way_back_that_no_browser_would_keep_is_the_front_page(
    clock: FrozenClock, length: int, is_kept: bool
) -> None:
    options = make_core(clock)
    landing = f"{ORIGIN}/about?q={'q' * length}"
    state, cookie = logout_state.create_logout_state(landing, options)

    assert len(cookie.to_header()) <= 4096
    found, _ = logout_state.use_logout_state(state, f"{cookie.name}={cookie.value}", options)
    assert found == (landing if is_kept else ORIGIN)
