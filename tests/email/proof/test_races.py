"""Two actions of the same user at the same time: the one that ends sessions also ends what the other one starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.email.mails import link
from tests.email.proof.site import OTHER, PASSWORD, Site, fields_of, new_address

CREDENTIALS = "/api/auth/callback/credentials"
NEWEST = "nine slow trains through fog"


class Meanwhile:
    """Runs an action while a password is being compared."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self._hasher = site.core.passwords.hasher
        self._monkeypatch = monkeypatch

    def __call__(self, action: Callable[[], object]) -> None:
        verify = type(self._hasher).verify

        def compare(hasher: object, hash: str | None, password: str) -> bool:
            self._monkeypatch.undo()
            is_right: bool = verify(self._hasher, hash, password)
            action()
            return is_right

        self._monkeypatch.setattr(type(self._hasher), "verify", compare)


@pytest.fixture(name="meanwhile")
def _meanwhile(site: Site, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    return Meanwhile(site, monkeypatch)


def reset_by_mail(site: Site, email: str, password: str) -> Callable[[], None]:
    """Return the last step of a reset, whose link the owner has opened."""
    owner = site.browser()
    owner.submit("/account/reset", email=email)
    owner.get(link(site.mails_to(email)[0]))

    def reset() -> None:
        assert owner.submit("/account/reset/new", password=password).status_code == 303

    return reset


def signs_in(site: Site, email: str, password: str) -> bool:
    browser = site.browser()
    browser.submit(CREDENTIALS, email=email, password=password)
    return browser.session() is not None


def test_a_sign_in_with_the_old_password_ends_with_a_reset_at_the_same_time(site: Site, meanwhile: Meanwhile) -> None:
    email = new_address()
    site.sign_up(email)
    thief = site.browser()
    meanwhile(reset_by_mail(site, email, OTHER))
    thief.submit(CREDENTIALS, email=email, password=PASSWORD)
    assert thief.session() is None
    assert signs_in(site, email, OTHER)


def test_a_change_with_the_old_password_does_not_replace_that_of_a_reset(site: Site, meanwhile: Meanwhile) -> None:
    email = new_address()
    thief = site.sign_up(email)
    meanwhile(reset_by_mail(site, email, OTHER))
    thief.submit("/account/password", current_password=PASSWORD, password=NEWEST)
    assert thief.session() is None
    assert signs_in(site, email, OTHER)
    assert not signs_in(site, email, NEWEST)


def test_neither_survives_that_the_owner_undoes_a_change_of_the_address(site: Site, meanwhile: Meanwhile) -> None:
    email, other = new_address(), new_address("other")
    thief = site.sign_up(email)
    thief.submit("/account/address", email=other)
    undo = link(site.mails_to(email)[0])
    thief.post("/account/address/confirm", data=fields_of(thief.get(link(site.mails_to(other)[0]))))
    assert signs_in(site, other, PASSWORD)
    owner = site.browser()
    fields = fields_of(owner.get(undo))

    meanwhile(lambda: owner.post("/account/address/undo", data=fields))
    thief.submit("/account/password", current_password=PASSWORD, password=NEWEST)
    assert thief.session() is None
    assert not any(signs_in(site, address, NEWEST) for address in (email, other))


def test_a_link_ends_no_later_than_the_change_of_the_address_is_undone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, other = new_address(), new_address("other")
    thief = site.sign_up(email)
    thief.submit("/account/address", email=other)
    undo = link(site.mails_to(email)[0])
    thief.post("/account/address/confirm", data=fields_of(thief.get(link(site.mails_to(other)[0]))))
    thief.submit("/api/auth/signin/email", email=other)
    owner = site.browser()
    fields = fields_of(owner.get(undo))
    addresses = type(site.local.addresses)
    prove = addresses.prove

    def prove_and_undo(*arguments: Any, **named: Any) -> object:
        monkeypatch.undo()
        proven = prove(*arguments, **named)
        owner.post("/account/address/undo", data=fields)
        return proven

    monkeypatch.setattr(addresses, "prove", prove_and_undo)
    thief.get(link(site.mails_to(other)[0]))
    assert thief.session() is None
    user = site.core.adapter.get_user_by_email(email)
    assert user is not None
    assert site.core.sessions.store.list_active(user.id, site.core.sessions.now()) == []
