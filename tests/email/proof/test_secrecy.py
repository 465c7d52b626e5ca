"""A secret is good for one purpose only, and is in no log, no row, no error page and no URL of another site."""

from __future__ import annotations

import re
from itertools import permutations
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from genkan.email.checks import LIFETIMES
from tests.browser import Browser
from tests.email.mails import code, link
from tests.email.proof.site import OTHER, PASSWORD, Site, fields_of, new_address


def token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def redeem(site: Site, purpose: str, token: str, email: str, user: str, browser: Browser | None = None) -> TestResponse:
    """Use a token for this purpose, in a new browser or in this one."""
    browser = browser or site.browser()
    if purpose == "sign_in":
        return browser.submit("/api/auth/callback/email", token=token, email=email)
    if purpose == "sign_up":
        return browser.submit("/account/sign-up/confirm", token=token, email=email, without="1")
    if purpose == "reset":
        browser.get(f"/account/reset/open?token={token}&user={user}")
        return browser.submit("/account/reset/new", password=f"{OTHER} again")
    path = {"address": "confirm", "undo": "undo"}[purpose]
    return browser.submit(f"/account/address/{path}", token=token, user=user)


def tokens(site: Site, email: str, owner: Browser) -> dict[str, str]:
    """Return a token of each purpose: for this user, but that of the sign-up, which is for a new address."""
    new, unknown = new_address("new"), new_address()
    owner.submit("/account/address", email=new)
    found = {"undo": token_of(link(site.mails_to(email)[0])), "address": token_of(link(site.mails_to(new)[0]))}
    owner.submit("/account/reset", email=email)
    found["reset"] = token_of(link(site.mails_to(email)[0]))
    owner.submit("/api/auth/signin/email", email=email)
    found["sign_in"] = token_of(link(site.mails_to(email)[0]))
    site.browser().submit("/account/sign-up", email=unknown, password=PASSWORD)
    found["sign_up"] = token_of(link(site.mails_to(unknown)[0]))
    return {**found, "new": unknown}


# requirement T9
def test_a_token_works_for_its_purpose_and_its_address_only(site: Site) -> None:
    email, attacker = new_address(), new_address()
    owner, other = site.sign_up(email), site.sign_up(attacker)
    user, foreign = (browser.session()["user"]["id"] for browser in (owner, other))  # type: ignore[index]
    made = tokens(site, email, owner)
    unknown = made.pop("new")
    assert made.keys() == LIFETIMES.keys()
    for purpose, wanted in permutations(made, 2):
        for address in (email, unknown):
            for identifier in (user, f"{purpose}:{user}", address):
                browser = owner if wanted == "address" else None
                response = redeem(site, wanted, made[purpose], address, identifier, browser)
                assert "error=Verification" in response.headers["Location"], (purpose, wanted)
    for purpose, token in made.items():
        response = redeem(site, purpose, token, attacker, foreign, other if purpose == "address" else None)
        assert "error=Verification" in response.headers["Location"], purpose
    assert owner.session() is not None
    # Each still works.
    for purpose in ("sign_up", "sign_in", "address"):
        address = unknown if purpose == "sign_up" else email
        browser = owner if purpose == "address" else None
        response = redeem(site, purpose, made[purpose], address, user, browser)
        assert "error=" not in response.headers["Location"], purpose


def test_no_cookie_works_as_another_one(site: Site) -> None:
    email = new_address()
    owner = site.sign_up(email)
    owner.submit("/api/auth/callback/credentials", email=email, password=PASSWORD)
    owner.submit("/account/reset", email=email)
    owner.get(link(site.mails_to(email)[0]))
    owner.submit("/api/auth/signin/email", email=email)
    owner.begin_sign_in()
    digits = code(site.mails_to(email)[0])
    cookies = {cookie.key: cookie.value for cookie in (owner.client._cookies or {}).values()}
    names = site.core.cookie_names
    flow = next(name for name in cookies if name.startswith(names.flow_prefix))
    assert {names.session, names.csrf, names.email, names.reset, names.known, flow} <= cookies.keys()
    for name, value in cookies.items():
        for wanted in (names.session, names.email, names.reset, names.csrf, names.sign_out):
            if name == wanted:
                continue
            thief = site.browser()
            thief.client.set_cookie(wanted, value, domain="127.0.0.1")
            assert thief.session() is None, (name, wanted)
            if wanted == names.csrf:
                response = thief.post(
                    "/api/auth/callback/email", data={"code": digits, "csrfToken": value.partition("|")[0]}
                )
                assert "csrf" in response.headers.get("Location", "").lower() or response.status_code in (303, 403)
                assert thief.session() is None
            thief.submit("/api/auth/callback/email", code=digits)
            assert thief.session() is None, (name, wanted)
            response = thief.submit("/account/reset/new", password=OTHER)
            assert "error=Verification" in response.headers["Location"], (name, wanted)
    # The cookie of a known browser grants nothing.
    thief = site.browser()
    thief.client.set_cookie(names.known, cookies[names.known], domain="127.0.0.1")
    assert thief.submit("/api/auth/callback/credentials", email=email, password=OTHER).status_code == 401


def test_no_secret_is_stored_logged_or_shown(
    site: Site, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    email, secrets, pages = new_address(), {PASSWORD, OTHER}, []

    def check() -> None:
        """Search the tables and the log for all secrets so far."""
        stored = site.rows()
        logged = caplog.text + "".join(repr(vars(record)) for record in caplog.records) + "".join(capfd.readouterr())
        for secret in secrets:
            # A code may be part of a longer number.
            pattern = re.compile(rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])")
            assert not pattern.search(logged)
            assert [table for table, row in stored if pattern.search(row)] == []
        assert [row for table, row in stored if table == "genkan_outbox"] == []

    owner, other = site.browser(), site.browser()
    owner.submit("/account/sign-up", email=email, password=PASSWORD)
    mail = site.mails_to(email)[0]
    secrets |= {token_of(link(mail)), code(mail)}
    check()
    pages += [other.get(link(mail)), owner.get(link(mail)), owner.get(link(mail))]
    check()
    owner.submit("/api/auth/signin/email", email=email, callbackUrl="https://evil.example/")
    mail = site.mails_to(email)[0]
    secrets |= {token_of(link(mail)), code(mail)}
    check()
    pages += [other.get(link(mail)), owner.submit("/api/auth/callback/email", code="999999"), owner.get(link(mail))]
    pages += [other.get(link(mail))]
    owner.submit("/account/reset", email=email)
    mail = site.mails_to(email)[0]
    secrets.add(token_of(link(mail)))
    check()
    pages += [
        owner.get(link(mail)),
        owner.get("/account/reset/new"),
        owner.submit("/account/reset/new", password="short"),
    ]
    pages += [
        owner.submit("/account/reset/new", password=OTHER),
        owner.get(link(mail)),
        owner.get("/account/reset/new"),
    ]
    check()
    pages += [other.submit("/api/auth/callback/credentials", email=email, password=PASSWORD)]
    pages += [owner.submit("/api/auth/callback/credentials", email=email, password=OTHER)]
    secrets |= {cookie.value for cookie in (owner.client._cookies or {}).values() if len(cookie.value) > 20}
    new = new_address("new")
    owner.submit("/account/address", email=new)
    secrets |= {token_of(link(site.mails_to(email)[0])), token_of(link(site.mails_to(new)[0]))}
    check()
    url = link(site.mails_to(new)[0])
    form = fields_of(owner.get(url))
    pages += [owner.get(url), owner.post("/account/address/confirm", data=form), owner.get(url)]
    check()
    for page in pages:
        location = page.headers.get("Location", "")
        assert urlsplit(location).netloc in ("", "127.0.0.1:5000")
        assert not any(secret in location for secret in secrets)
        if page.status_code >= 400 or location:
            assert not any(
                secret in page.get_data(as_text=True) for secret in secrets - {page.request.args.get("token", "-")}
            )
        if page.request.args.get("token"):
            assert page.headers["Referrer-Policy"] == "no-referrer", page.request.path
            assert page.headers["Cache-Control"].find("no-store") >= 0
            assert not re.search(r'(?:src|href)="https?://(?!127\.0\.0\.1)', page.get_data(as_text=True))
