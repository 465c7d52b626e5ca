"""Mails to deliver: one worker at a time, until its lease ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from genkan.adapters.addresses import AddressStores, OutgoingMail, Verification
from tests.clock import START, FrozenClock

NOW = int(START)
HANA = "hana@example.org"
MAIL = OutgoingMail(id="one", body="sealed", expires=NOW + 600)
LINK = Verification(identifier=HANA, token_hash="hash", expires=NOW + 600, email=HANA)


def test_a_mail_is_taken_by_one_worker_and_deleted_when_it_is_delivered(local: AddressStores) -> None:
    assert local.outbox.claim(30) is None
    local.verifications.add(None, MAIL)
    assert local.outbox.claim(30) == replace(MAIL, attempts=1)
    assert local.outbox.claim(30) is None
    assert local.outbox.waiting() == 1
    local.outbox.delivered("one")
    assert local.outbox.waiting() == 0


def test_another_worker_takes_the_mail_of_one_that_has_died(local: AddressStores, clock: FrozenClock) -> None:
    local.verifications.add(None, MAIL)
    local.outbox.claim(30)
    clock.advance(29)
    assert local.outbox.claim(30) is None
    clock.advance(1)
    assert local.outbox.claim(30) == replace(MAIL, attempts=2)


def test_a_mail_is_due_again_after_the_pause(local: AddressStores, clock: FrozenClock) -> None:
    local.verifications.add(None, MAIL)
    local.outbox.claim(30)
    local.outbox.retry("one", 5)
    clock.advance(4)
    assert local.outbox.claim(30) is None
    clock.advance(1)
    assert local.outbox.claim(30) == replace(MAIL, attempts=2)


def test_a_mail_that_can_not_be_delivered_is_deleted_with_its_link(local: AddressStores) -> None:
    local.verifications.add(LINK, replace(MAIL, identifier=HANA, token_hash="hash"))
    local.verifications.add(replace(LINK, token_hash="other"), replace(MAIL, id="two"))
    local.outbox.failed("one")
    local.outbox.failed("two")
    assert local.outbox.waiting() == 0
    assert local.verifications.find(HANA, "hash") is None
    assert local.verifications.find(HANA, "other")


def test_a_mail_that_has_expired_is_deleted_and_the_next_one_taken(local: AddressStores, clock: FrozenClock) -> None:
    local.verifications.add(None, MAIL)
    local.verifications.add(None, replace(MAIL, id="two"))
    local.verifications.add(None, replace(MAIL, id="valid", expires=NOW + 700))
    clock.advance(600)
    taken = local.outbox.claim(30)
    assert taken is not None
    assert taken.id == "valid"
    assert local.outbox.waiting() == 1


def test_of_twenty_workers_each_takes_another_mail(local: AddressStores) -> None:
    for number in range(20):
        local.verifications.add(None, replace(MAIL, id=str(number)))
    with ThreadPoolExecutor(20) as pool:
        taken = [mail.id for mail in pool.map(lambda _: local.outbox.claim(30), range(30)) if mail]
    assert sorted(taken) == sorted(map(str, range(20)))
