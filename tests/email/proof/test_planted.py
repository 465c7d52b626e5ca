"""Everything that an attacker plants for an address stops working when its owner proves it."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from genkan.adapters.addresses import Purpose, Verification
from genkan.adapters.sqlalchemy.tables import AUTHJS_TABLES
from genkan.types import Account
from tests.browser import THIS_COMPUTER, Browser
from tests.clock import FrozenClock
from tests.conftest import MakeApp
from tests.email.mails import code, link
from tests.email.proof.site import OTHER, PASSWORD, Site, fields_of

OWNER = "owner@example.com"
ATTACKER = "attacker@example.com"


@pytest.fixture(name="site", params=["jwt", "database"])
def _site(request: pytest.FixtureRequest, make_app: MakeApp, clock: FrozenClock) -> Site:
    return Site(make_app(AUTH_PASSWORDS="on", AUTH_SESSION_STRATEGY=request.param), clock)


def sign_in_by_provider(browser: Browser, email: str) -> None:
    """Sign in at the development provider as a user with this verified address."""
    location = browser.begin_sign_in().headers["Location"]
    page = browser.get(location, environ_overrides=THIS_COMPUTER).get_data(as_text=True)
    [form] = [form for form in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'type="email"' in form]
    fields = {name: unescape(value) for name, value in re.findall(r'name="([^"]+)"[^>]*?value="([^"]*)"', form)}
    data = {"request": fields["request"], "choice": "typed", "email": email, "name": "Olga Owner"}
    answer = browser.post(location.partition("?")[0], data=data, environ_overrides=THIS_COMPUTER)
    browser.get(answer.headers["Location"])


def by_link(site: Site, owner: Browser) -> None:
    owner.submit("/api/auth/signin/email", email=OWNER)
    owner.get(link(site.mails_to(OWNER)[0]))


def by_code(site: Site, owner: Browser) -> None:
    owner.submit("/api/auth/signin/email", email=OWNER)
    owner.submit("/api/auth/callback/email", code=code(site.mails_to(OWNER)[0]))


def by_sign_up_elsewhere(site: Site, owner: Browser) -> None:
    owner.submit("/account/sign-up", email=OWNER, password=OTHER)
    reader = site.browser()
    form = fields_of(reader.get(link(site.mails_to(OWNER)[0])))
    reader.post("/account/sign-up/confirm", data={**form, "without": "1"})
    owner.client = reader.client


def by_reset(site: Site, owner: Browser) -> None:
    owner.submit("/account/reset", email=OWNER)
    if not site.mails_to(OWNER) or "/reset/" not in link(site.mails_to(OWNER)[0]):
        # There is no user with the address.
        by_link(site, owner)
        return
    owner.get(link(site.mails_to(OWNER)[0]))
    owner.submit("/account/reset/new", password=OTHER)
    owner.submit("/api/auth/callback/credentials", email=OWNER, password=OTHER)


def by_provider(_site: Site, owner: Browser) -> None:
    sign_in_by_provider(owner, OWNER)


PROOFS: dict[str, Callable[[Site, Browser], None]] = {
    "link": by_link,
    "code": by_code,
    "sign-up elsewhere": by_sign_up_elsewhere,
    "reset": by_reset,
    "provider": by_provider,
}


@pytest.mark.parametrize("proof", PROOFS)
def test_what_is_planted_on_a_row_stops_working(site: Site, proof: str) -> None:
    squatter = site.browser()
    sign_in_by_provider(squatter, ATTACKER)
    row = site.core.adapter.get_user_by_email(ATTACKER)
    assert row is not None
    assert site.local.addresses.set_password(row.id, site.core.passwords.hasher.hash(PASSWORD))
    site.clock.advance(2)
    sign_in_by_provider(squatter, ATTACKER)
    assert squatter.session() is not None
    unprove(site, row.id, OWNER)
    purposes: tuple[Purpose, ...] = ("address", "undo", "reset")
    for purpose in purposes:
        site.local.verifications.add(planted(site, row.id, purpose), None)
    waiting = site.browser()
    waiting.submit("/account/sign-up", email=OWNER, password=PASSWORD)
    stolen = code(site.mails_to(OWNER)[0])
    site.clock.advance(2)
    owner = site.browser()

    PROOFS[proof](site, owner)

    assert owner.session()["user"]["email"] == OWNER  # type: ignore[index]
    assert "What had been added before was removed" in owner.get("/account").text
    assert squatter.session() is None
    assert site.browser().submit("/api/auth/callback/credentials", email=OWNER, password=PASSWORD).status_code == 401
    again = site.browser()
    sign_in_by_provider(again, ATTACKER)
    assert again.session()["user"]["id"] != owner.session()["user"]["id"]  # type: ignore[index]
    for path, token in (("confirm", "address token"), ("undo", "undo token")):
        response = again.submit(f"/account/address/{path}", token=token, user=row.id)
        assert "error=Verification" in response.headers["Location"]
    assert owner.session()["user"]["email"] == OWNER  # type: ignore[index]
    waiting.submit("/api/auth/callback/email", code=stolen)
    assert waiting.session() is None
    assert site.browser().submit("/api/auth/callback/credentials", email=OWNER, password=PASSWORD).status_code == 401


def test_the_owner_reads_that_the_proof_by_an_account_of_the_row_has_removed_others(site: Site) -> None:
    for way in ("account", "password", None):
        email = f"{way}@example.com".lower()
        sign_in_by_provider(site.browser(), email)
        row = site.core.adapter.get_user_by_email(email)
        if way == "account":
            site.core.adapter.link_account(row.id, Account("hub", "planted", "oidc"))
        elif way == "password":
            site.local.addresses.set_password(row.id, site.core.passwords.hasher.hash(PASSWORD))
        unprove(site, row.id, email)
        for _ in range(2):
            sign_in_by_provider(site.browser(), email)
        said = [activity.kind for activity in site.core.sessions.store.list_activity(row.id, 10)]
        assert said.count("address-proven") == (way is not None)


def test_nothing_is_said_to_be_removed_from_a_disabled_user(site: Site) -> None:
    site.user(OWNER, verified=False, disabled=True)
    owner = site.browser()
    sign_in_by_provider(owner, OWNER)
    assert owner.session() is None
    row = site.core.adapter.get_user_by_email(OWNER)
    assert [activity.kind for activity in site.core.sessions.store.list_activity(row.id, 10)] == []


@pytest.mark.parametrize("proof", PROOFS)
def test_a_sign_up_of_an_attacker_ends_when_the_owner_comes(site: Site, proof: str) -> None:
    squatter = site.browser()
    squatter.submit("/account/sign-up", email=OWNER, password=PASSWORD)
    [mail] = site.mails_to(OWNER)
    owner = site.browser()

    PROOFS[proof](site, owner)

    assert owner.session()["user"]["email"] == OWNER  # type: ignore[index]
    # Even a code that the owner was talked into giving away.
    squatter.submit("/api/auth/callback/email", code=code(mail))
    assert squatter.session() is None
    squatter.get(link(mail))
    assert squatter.session() is None
    assert site.browser().submit("/api/auth/callback/credentials", email=OWNER, password=PASSWORD).status_code == 401


@pytest.mark.parametrize("proof", PROOFS)
def test_a_change_to_the_address_of_another_user_ends_when_the_owner_comes(site: Site, proof: str) -> None:
    squatter = site.sign_up(ATTACKER)
    squatter.submit("/account/address", email=OWNER)
    url, undo = link(site.mails_to(OWNER)[0]), link(site.mails_to(ATTACKER)[0])
    owner = site.browser()
    PROOFS[proof](site, owner)

    for browser, address in ((squatter, url), (squatter, undo)):
        browser.post(address.partition("?")[0], data=fields_of(browser.get(address)))

    assert owner.session()["user"]["email"] == OWNER  # type: ignore[index]
    assert site.core.adapter.get_user_by_email(OWNER).id == owner.session()["user"]["id"]  # type: ignore[index]


def test_the_owner_of_an_address_cannot_confirm_it_for_another_account(site: Site) -> None:
    squatter, owner, other = site.sign_up(ATTACKER), site.browser(), site.sign_up("other@example.com")
    squatter.submit("/account/address", email=OWNER)
    url = link(site.mails_to(OWNER)[0])

    assert owner.get(url).headers["Location"].startswith("/api/auth/signin")
    fields = fields_of(squatter.get(url))
    assert owner.post("/account/address/confirm", data=fields).status_code == 403
    sent = {"token": fields["token"], "user": fields["user"]}
    assert owner.submit("/account/address/confirm", None, **sent).headers["Location"].startswith("/api/auth/signin")
    assert "error=AccessDenied&reason=another-person" in other.get(url).headers["Location"]
    refused = other.submit("/account/address/confirm", None, **sent)
    assert "error=AccessDenied&reason=another-person" in refused.headers["Location"]

    assert site.core.adapter.get_user_by_email(OWNER) is None
    squatter.post("/account/address/confirm", data=fields_of(squatter.get(url)))
    assert squatter.session()["user"]["email"] == OWNER  # type: ignore[index]


def planted(site: Site, user_id: str, purpose: Purpose) -> Verification:
    checks = site.core.email.checks
    return Verification(
        identifier=checks.identifier(purpose, user_id),
        token_hash=checks.token_hash(purpose, f"{purpose} token"),
        expires=int(site.clock()) + 86_400,
        purpose=purpose,
        email=ATTACKER,
        user_id=user_id,
    )


def unprove(site: Site, user_id: str, email: str) -> None:
    """Give the user an address without a proof, as another application can store it in the table that both share."""
    users = AUTHJS_TABLES.users
    with site.database.write() as session:
        session.execute(users.update().where(users.c.id == user_id).values({"email": email, "emailVerified": None}))
