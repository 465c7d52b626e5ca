"""When a sign-in counts as a proof of who somebody is: never in the future, never before the world began (S12, O20)."""

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
SILENT = replace(oidc, supports_max_age=False)


@pytest.mark.parametrize("said", [NOW, NOW + 60, NOW + 3600, NOW + 0.5, float(2**52)])
def test_a_provider_whose_clock_is_ahead_makes_nobody_fresh_tomorrow(said: float) -> None:
    proven = auth_time_of(oidc, PLAIN, {"auth_time": said}, NOW)

    assert proven == NOW
    assert not is_fresh({"auth_time": proven}, 300, NOW + 301)


@pytest.mark.parametrize("said", [0, -1, -0.5, "now", None, True, [NOW]])
def test_a_time_that_is_none_is_as_good_as_nothing_said(said: Any) -> None:
    assert auth_time_of(oidc, PLAIN, {"auth_time": said}, NOW) is None
    assert auth_time_of(SILENT, PLAIN, {"auth_time": said}, NOW) == NOW


def test_an_earlier_proof_is_that_old_but_for_a_flow_that_asked_for_a_new_one() -> None:
    said = {"auth_time": NOW - 100}

    assert auth_time_of(oidc, PLAIN, said, NOW) == NOW - 100
    assert auth_time_of(oidc, FRESH, said, NOW) == FRESH.created_at
    assert auth_time_of(github, PLAIN, said, NOW) == NOW
