"""When a provider says that somebody proved themselves, to the second (O20)."""

from __future__ import annotations

import pytest

from genkan.errors import ReauthenticationFailed
from genkan.oauth.checks import Flow
from genkan.oauth.id_token import CLOCK_TOLERANCE
from genkan.oauth.reauthentication import MAX_AGE, check_auth_time

BEGUN = 1_800_000_000
NOW = BEGUN + 120
FLOW = Flow("hub", "/", "state", "nonce", "verifier", BEGUN, "fresh", "ann", MAX_AGE)


@pytest.mark.parametrize("auth_time", [BEGUN - CLOCK_TOLERANCE, NOW, NOW + CLOCK_TOLERANCE])
def test_a_proof_since_the_flow_began_counts_give_or_take_a_minute(auth_time: int) -> None:
    check_auth_time({"auth_time": auth_time}, FLOW, NOW)


@pytest.mark.parametrize("auth_time", [BEGUN - CLOCK_TOLERANCE - 1, NOW + CLOCK_TOLERANCE + 1])
def test_a_proof_of_another_time_does_not(auth_time: int) -> None:
    with pytest.raises(ReauthenticationFailed):
        check_auth_time({"auth_time": auth_time}, FLOW, NOW)
