"""A flow's cookie that is sealed by us and still no flow of ours: another release's, or another flow's (O1)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from genkan.core import Core
from genkan.errors import InvalidCheck
from genkan.http.cookies import RequestCookies
from genkan.oauth.checks import FLOW_MAX_AGE, Flow
from tests.clock import FrozenClock
from tests.core import make_core


def begun(options: Core, **odd: Any) -> tuple[Flow, str]:
    """A flow, and the Cookie header of a browser that keeps it with these changes."""
    flow, (cookie,) = options.checks.create("hub", "/", RequestCookies())
    sealed = options.checks.sealer.seal({**asdict(flow), **odd}, FLOW_MAX_AGE)
    return flow, f"{cookie.name}={sealed}"


def test_what_was_kept_is_the_flow_that_began(clock: FrozenClock) -> None:
    options = make_core(clock)
    flow, header = begun(options)

    assert options.checks.use("hub", flow.state, RequestCookies(header)) == flow


@pytest.mark.parametrize(
    "odd",
    [
        {"purpose": "own-the-house"}, {"purpose": None}, {"purpose": ["fresh"]}, {"created_at": None}, {"created_at": "1"}, {"created_at": 1.5},
        {"created_at": True}, {"max_age": "60"}, {"max_age": True}, {"max_age": 60.0}, {"user_id": None}, {"nonce": 7},
        {"code_verifier": None}, {"callback_url": None}, {"provider": "lab"}, {"state": "of another flow"}, {"state": None},
    ],
    ids=repr,
)  # fmt: skip
def test_what_does_not_say_all_that_a_flow_of_this_release_says_is_none(
    clock: FrozenClock, odd: dict[str, Any]
) -> None:
    options = make_core(clock)
    flow, header = begun(options, **odd)

    with pytest.raises(InvalidCheck):
        options.checks.use("hub", flow.state, RequestCookies(header))
