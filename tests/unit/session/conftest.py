"""Fixtures of the tests of the revocation list."""

from __future__ import annotations

import pytest

from tests.clock import FrozenClock
from tests.revocations import RevocationSource
from tests.unit.session.worker import Worker


@pytest.fixture(name="source")
def _source(clock: FrozenClock) -> RevocationSource:
    return RevocationSource(clock)


@pytest.fixture(name="worker")
def _worker(source: RevocationSource, clock: FrozenClock) -> Worker:
    return Worker(source, clock)
