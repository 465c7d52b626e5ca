"""The accounts of the account page: linked, unlinked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from tests.account.page.conftest import FORM_AND_HTMX, link, sign_in, text, user_id
from tests.browser import Browser
from tests.conftest import MakeApp
from tests.email.mails import link as mail_link
from tests.email.mails import mails


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_after_unlinking_an_account_the_page_offers_to_revoke_the_other_sessions(
    hana: Browser, phone: Browser, headers: dict[str, str]
) -> None:
    link(hana)
    response = hana.submit("/account/accounts/github/unlink", headers=headers, account="hana-at-hub")

    if not headers:
        assert (response.status_code, response.headers["Location"]) == (303, "/account?notice=unlinked")
        response = hana.get("/account?notice=unlinked")
    assert "Unlinked. It can no longer be used to sign in here." in response.text
    assert 'action="/account/sessions/end-others"' in response.text
    assert "End all other sessions" in response.text
    assert [account.provider for account in hana.core.adapter.list_accounts(user_id(hana))] == ["development"]
    assert "Unlinked GitHub" in text(hana.get("/account/partials/activity"))
    assert phone.session() is not None


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_the_last_account_has_no_button_and_cannot_be_unlinked(uma: Browser, headers: dict[str, str]) -> None:
    assert "Unlink" not in text(uma.get("/account"))
    assert "Your only account" in text(uma.get("/account"))
    [account] = uma.core.adapter.list_accounts(user_id(uma))
    response = uma.submit("/account/accounts/development/unlink", headers=headers, account=account.provider_account_id)

    assert response.status_code == (200 if headers else 409)
    assert "This is your only account, so it stays linked." in response.text
    assert uma.core.adapter.list_accounts(user_id(uma)) == [account]


def test_an_account_of_a_disabled_provider_does_not_count_as_the_last_account(uma: Browser) -> None:
    link(uma, "gone-provider", "uma")
    [active] = [
        account for account in uma.core.adapter.list_accounts(user_id(uma)) if account.provider == "development"
    ]

    assert "Unlink Gone Provider" in uma.get("/account").text
    assert "Unlink Development" not in uma.get("/account").text
    response = uma.submit("/account/accounts/development/unlink", account=active.provider_account_id)
    assert response.status_code == 409
    assert uma.submit("/account/accounts/gone-provider/unlink", account="uma").status_code == 303


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_a_user_who_can_sign_in_by_mail_can_unlink_the_last_account(
    app: Flask, hana: Browser, headers: dict[str, str]
) -> None:
    assert "Your only account" not in text(hana.get("/account"))
    [account] = hana.core.adapter.list_accounts(user_id(hana))
    hana.submit("/account/accounts/development/unlink", headers=headers, account=account.provider_account_id)
    assert hana.core.adapter.list_accounts(user_id(hana)) == []

    again = Browser(app)
    again.submit("/api/auth/signin/email", email="hana@example.com")
    again.get(mail_link(mails(app)[0]))
    assert user_id(again) == user_id(hana)


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_without_mail_a_verified_address_is_no_way_to_sign_in(make_app: MakeApp, headers: dict[str, str]) -> None:
    hana = sign_in(make_app())
    hana.core = hana.app.extensions["genkan"].core = replace(hana.core, email=None)
    assert "Your only account" in text(hana.get("/account"))
    [account] = hana.core.adapter.list_accounts(user_id(hana))
    response = hana.submit("/account/accounts/development/unlink", headers=headers, account=account.provider_account_id)

    assert response.status_code == (200 if headers else 409)
    assert hana.core.adapter.list_accounts(user_id(hana)) == [account]


@pytest.mark.parametrize("headers", FORM_AND_HTMX, ids=["form", "htmx"])
def test_an_account_of_another_user_is_not_found(hana: Browser, alex: Browser, headers: dict[str, str]) -> None:
    link(hana)
    link(alex, account="alex-at-hub")
    before = hana.core.adapter.list_accounts(user_id(hana))

    for provider, account in (("github", "hana-at-hub"), ("github", ""), ("nowhere", "alex-at-hub")):
        response = alex.submit(f"/account/accounts/{provider}/unlink", headers=headers, account=account)
        assert response.status_code == 404
    assert alex.submit("/account/accounts/github/unlink", headers=headers).status_code == 404
    assert hana.core.adapter.list_accounts(user_id(hana)) == before
    assert len(alex.core.adapter.list_accounts(user_id(alex))) == 2


def test_accounts_of_configured_providers_that_are_not_linked_can_be_linked(hana: Browser) -> None:
    assert 'action="/account/accounts/github/link"' in hana.get("/account").text
    assert 'action="/account/accounts/development/link"' not in hana.get("/account").text
    link(hana)
    assert "/link" not in hana.get("/account").text
