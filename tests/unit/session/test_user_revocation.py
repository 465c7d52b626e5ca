"""Rules in a worker's copy: the latest of a user counts, in whatever order they are read."""

from __future__ import annotations

import pytest

from genkan.adapters.sessions import RevocationKind
from genkan.session.revocation_list import MAX_LAG
from tests.revocations import RevocationSource
from tests.unit.session.worker import Worker


@pytest.mark.parametrize(
    ("kind", "subject", "verdict"),
    [("user", "ann", "revoked"), ("everyone", "", "revoked")],
)
def test_a_rule_that_is_read_again_or_late_does_not_replace_a_later_one(
    source: RevocationSource, worker: Worker, kind: RevocationKind, subject: str, verdict: str
) -> None:
    """Transactions commit in any order, and rows may be read twice."""
    source.add(kind, subject, 2000)
    assert worker.check(sub="ann") == verdict
    version = worker.revocations.version
    for at in (1000, 2000):
        source.add(kind, subject, at)
    worker.monotonic.advance(MAX_LAG)

    assert worker.check(sub="ann") == verdict
    assert worker.revocations.check({"sub": "ann", "iat": 1500}, 1500) == verdict
    assert worker.revocations.version == version


def test_an_earlier_rule_does_not_bring_back_its_exception(source: RevocationSource, worker: Worker) -> None:
    source.add("user", "ann", 2000)
    source.add("user", "ann", 1000, except_sid="kept")
    assert worker.check(sub="ann", sid="kept") == "revoked"
