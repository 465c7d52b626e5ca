"""Time of the user's authentication at the provider: `auth_time`, or the time of the sign-in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from genkan.oauth.checks import Flow
from genkan.oauth.reauthentication import auth_time_of, is_fresh
from genkan.providers.github import github
from genkan.providers.oidc import oidc

NOW = 1_800_000_000
PLAIN = Flow("oidc", "/", "state", "nonce", "verifier", NOW - 60)
FRESH = replace(PLAIN, purpose="fresh", user_id="ann")
WITHOUT_MAX_AGE = replace(oidc, supports_max_age=False)


# requirements S12, O20
@pytest.mark.parametrize("claim", [NOW, NOW + 60, NOW + 3600, NOW + 0.5, float(2**52)])
def test_an_auth_time_in_the_future_becomes_the_current_time(claim: float) -> None:
    auth_time = auth_time_of(oidc, PLAIN, {"auth_time": claim}, NOW)

    assert auth_time == NOW
    assert not is_fresh({"auth_time": auth_time}, 300, NOW + 301)


@pytest.mark.parametrize("claim", [0, -1, -0.5, "now", None, True, [NOW]])
def test_an_invalid_auth_time_is_treated_as_absent(claim: Any) -> None:
    assert auth_time_of(oidc, PLAIN, {"auth_time": claim}, NOW) is None
    assert auth_time_of(WITHOUT_MAX_AGE, PLAIN, {"auth_time": claim}, NOW) == NOW


def test_an_earlier_auth_time_is_kept_except_in_a_reauthentication() -> None:
    profile = {"auth_time": NOW - 100}

    assert auth_time_of(oidc, PLAIN, profile, NOW) == NOW - 100
    assert auth_time_of(oidc, FRESH, profile, NOW) == FRESH.created_at
    assert auth_time_of(github, PLAIN, profile, NOW) == NOW
