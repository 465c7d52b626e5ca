"""Exact parsing of cookies and form tokens: whitespace, masked tokens and values that are too long."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from genkan.errors import MissingCSRF
from genkan.http.cookies import CookieNames, RequestCookies
from genkan.http.csrf import CSRF
from genkan.oauth.logout import ProviderLogout
from genkan.providers.oidc import oidc
from tests.clock import FrozenClock
from tests.core import ORIGIN, make_core

NAME = "authjs.session-token"
COOKIE = "authjs.csrf-token"


@pytest.mark.parametrize("character", ["\xa0", "\x0b", "\x0c", "\x1f", "\x85"])
def test_only_spaces_and_tabs_around_a_value_are_removed(character: str) -> None:
    """RFC 6265 section 5.2."""
    for header in (f"{NAME}={character}a{character} \t", f"{NAME}= \t{character}a{character}; {NAME}-legacy=x"):
        found = next(iter(RequestCookies(header).sessions(NAME)), None)
        assert found is not None
        assert found.token == f"{character}a{character}"


def test_the_sign_out_cookie_is_host_only_on_https() -> None:
    assert CookieNames.of(secure=True).sign_out == "__Host-authjs.sign-out"
    assert CookieNames.of(secure=False).sign_out == "authjs.sign-out"


@pytest.mark.parametrize("character", [" ", "\n", "00", "0"])
def test_a_masked_token_with_extra_characters_is_refused(character: str) -> None:
    csrf = CSRF(["secret"], ORIGIN, COOKIE)
    pair = csrf.create()
    masked = pair.mask()
    csrf.check(pair.cookie, masked)

    for submitted in (masked + character, character + masked, masked[:64] + character + masked[64:]):
        with pytest.raises(MissingCSRF):
            csrf.check(pair.cookie, submitted)


@pytest.mark.parametrize(("length", "is_kept"), [(1000, True), (4000, False)])
def test_a_return_url_that_is_too_long_for_a_cookie_becomes_the_front_page(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, length: int, is_kept: bool
) -> None:
    core = make_core(clock)
    return_url = f"{ORIGIN}/about?q={'q' * length}"
    monkeypatch.setattr(ProviderLogout, "_endpoint", lambda *_: "https://id.example.test/logout")
    started = core.provider_logout.start(oidc, None, return_url)
    assert started is not None
    url, cookie = started

    assert len(cookie.to_header()) <= 4096
    (state,) = parse_qs(urlsplit(url).query)["state"]
    found, _ = core.provider_logout.finish(state, RequestCookies(f"{cookie.name}={cookie.value}"))
    assert found == (return_url if is_kept else ORIGIN)
