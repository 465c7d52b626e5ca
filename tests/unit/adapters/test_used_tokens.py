"""Retention of ids that may be used once."""

from __future__ import annotations

import pytest

from genkan.adapters import RETENTION_SECONDS, Adapter
from tests.clock import START, FrozenClock

END = START + 1000
FAR = START + 9000


# requirement O14
@pytest.mark.parametrize(
    ("expires", "now", "is_known"),
    [
        (END, END + RETENTION_SECONDS - 1, True),
        (END, END + RETENTION_SECONDS + 1, False),
        (END + 0.5, END + RETENTION_SECONDS + 0.25, True),
        (END + 0.5, END + RETENTION_SECONDS + 2, False),
    ],
)
def test_a_used_id_is_kept_for_a_minute_past_its_expiry(
    adapter: Adapter, clock: FrozenClock, expires: float, now: float, is_known: bool
) -> None:
    assert adapter.use_once("state", expires)
    clock.now = now
    assert adapter.use_once("another id, whose insertion deletes expired rows", FAR)
    assert adapter.use_once("state", FAR) is not is_known
