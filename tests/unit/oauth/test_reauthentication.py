"""Check of `auth_time` in a reauthentication, to the second."""

from __future__ import annotations

import pytest

from genkan.errors import ReauthenticationFailed
from genkan.oauth.checks import Flow
from genkan.oauth.id_token import CLOCK_TOLERANCE
from genkan.oauth.reauthentication import MAX_AGE, check_auth_time

CREATED_AT = 1_800_000_000
NOW = CREATED_AT + 120
FLOW = Flow("hub", "/", "state", "nonce", "verifier", CREATED_AT, "fresh", "ann", MAX_AGE)


# requirement O20
@pytest.mark.parametrize("auth_time", [CREATED_AT - CLOCK_TOLERANCE, NOW, NOW + CLOCK_TOLERANCE])
def test_an_authentication_during_the_flow_is_accepted_with_a_minute_of_tolerance(auth_time: int) -> None:
    check_auth_time({"auth_time": auth_time}, FLOW, NOW)


@pytest.mark.parametrize("auth_time", [CREATED_AT - CLOCK_TOLERANCE - 1, NOW + CLOCK_TOLERANCE + 1])
def test_an_authentication_before_or_after_the_flow_is_refused(auth_time: int) -> None:
    with pytest.raises(ReauthenticationFailed):
        check_auth_time({"auth_time": auth_time}, FLOW, NOW)
