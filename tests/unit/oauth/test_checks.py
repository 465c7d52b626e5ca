"""Flow cookies with valid encryption and invalid contents, such as those of another release."""

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


def create_flow(core: Core, **changes: Any) -> tuple[Flow, str]:
    """Return a flow, and a Cookie header with its fields and these changes."""
    flow, (cookie,) = core.checks.create("hub", "/", RequestCookies())
    sealed = core.checks.sealer.seal({**asdict(flow), **changes}, FLOW_MAX_AGE)
    return flow, f"{cookie.name}={sealed}"


def test_the_flow_is_read_as_it_was_created(clock: FrozenClock) -> None:
    core = make_core(clock)
    flow, header = create_flow(core)

    assert core.checks.use("hub", flow.state, RequestCookies(header)) == flow


# requirement O1
@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "unknown"}, {"purpose": None}, {"purpose": ["fresh"]}, {"created_at": None}, {"created_at": "1"}, {"created_at": 1.5},
        {"created_at": True}, {"max_age": "60"}, {"max_age": True}, {"max_age": 60.0}, {"user_id": None}, {"nonce": 7},
        {"code_verifier": None}, {"callback_url": None}, {"provider": "lab"}, {"state": "another"}, {"state": None},
    ],
    ids=repr,
)  # fmt: skip
def test_a_flow_with_a_missing_or_invalid_field_is_refused(clock: FrozenClock, changes: dict[str, Any]) -> None:
    core = make_core(clock)
    flow, header = create_flow(core, **changes)

    with pytest.raises(InvalidCheck):
        core.checks.use("hub", flow.state, RequestCookies(header))
