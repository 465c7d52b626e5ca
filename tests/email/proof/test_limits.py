"""Limits for mails and passwords, and what an attacker can't reach by exceeding them."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from genkan.password.throttle import MAX_OF_ACCOUNT
from tests.browser import Browser
from tests.email.mails import code, link
from tests.email.proof.site import OTHER, PASSWORD, Site, new_address

FLOWS = {"sign_in": "/api/auth/signin/email", "sign_up": "/account/sign-up", "reset": "/account/reset"}
QUARTER, DAY = 15 * 60, 24 * 3600


def client(site: Site, address: str | None) -> Browser:
    browser = Browser(site.app)
    browser.client.environ_base["REMOTE_ADDR"] = address or ""
    return browser


def ask(browser: Browser, path: str, email: str, **headers: str) -> None:
    browser.submit(path, headers, email=email, password=PASSWORD)


@pytest.mark.parametrize("path", FLOWS.values(), ids=FLOWS)
def test_one_network_gets_three_mails_for_an_address_in_a_quarter_of_an_hour_and_ten_in_a_day(
    site: Site, path: str
) -> None:
    email = new_address()
    if path == FLOWS["reset"]:
        site.user(email)
    for number in range(4):
        # Another address of the network, and headers that a client can choose.
        spoofed = {"X-Forwarded-For": f"203.0.113.{number}", "X-Real-Ip": "192.0.2.1", "Forwarded": "for=192.0.2.9"}
        ask(client(site, f"198.51.100.{number}"), path, email, **spoofed)
    assert len(site.mails_to(email)) == 3
    for _ in range(4):
        site.clock.advance(QUARTER + 1)
        for _ in range(4):
            ask(client(site, "198.51.100.9"), path, email)
    assert len(site.mails_to(email)) == 10
    ask(client(site, "203.0.113.5"), path, email)
    assert len(site.mails_to(email)) == 11


def test_an_address_gets_thirty_mails_in_a_day(site: Site) -> None:
    """And three in a quarter of an hour, ten in a day, in browsers in which its user has signed in before."""
    email = new_address()
    owner, other = site.sign_up(email), site.sign_up(new_address())

    def mails_by(browser: Browser) -> int:
        before = len(site.mails_to(email))
        ask(browser, FLOWS["sign_in"], email)
        return len(site.mails_to(email)) - before

    asked = sum(mails_by(client(site, f"2001:db8:0:{number:x}::1")) for number in range(33))
    assert asked == 30
    assert mails_by(other) == 0
    assert [mails_by(owner) for _ in range(4)] == [1, 1, 1, 0]
    owner.get(link(site.mails_to(email)[0]))
    assert owner.session() is not None
    site.clock.advance(DAY + 1)
    assert mails_by(client(site, "2001:db8::1")) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ["198.18.7.1", "198.18.7.254"],
        ["2001:db8:9::1", "2001:db8:9:0:ffff::2"],
        ["::ffff:198.18.8.1", "198.18.8.2"],
        [None],
    ],
    ids=["IPv4", "IPv6", "mapped", "unknown"],
)
def test_one_network_gets_twenty_mails_in_a_quarter_of_an_hour(site: Site, addresses: list[str | None]) -> None:
    site.clock.advance(QUARTER + 1)
    emails = [new_address() for _ in range(22)]
    for number, email in enumerate(emails):
        ask(client(site, addresses[number % len(addresses)]), FLOWS["sign_in"], email)
    assert [len(site.mails_to(email)) for email in emails] == [1] * 20 + [0] * 2


def test_an_attacker_cannot_lock_the_owner_out(site: Site) -> None:
    email = new_address()
    owner = site.sign_up(email)
    owner.submit("/api/auth/callback/credentials", email=email, password=PASSWORD)
    owner.submit("/api/auth/signout")
    elsewhere = site.browser()
    statuses = [
        site.browser().submit("/api/auth/callback/credentials", email=email, password=OTHER).status_code
        for _ in range(MAX_OF_ACCOUNT + 2)
    ]
    assert statuses == [401] * MAX_OF_ACCOUNT + [429] * 2
    # Not with the right password either, but by mail, and in a browser that the owner has used before.
    assert elsewhere.submit("/api/auth/callback/credentials", email=email, password=PASSWORD).status_code == 429
    elsewhere.submit("/api/auth/signin/email", email=email)
    elsewhere.get(link(site.mails_to(email)[0]))
    assert elsewhere.session() is not None
    assert owner.submit("/api/auth/callback/credentials", email=email, password=PASSWORD).status_code == 303


def test_a_success_of_another_account_clears_nothing(site: Site) -> None:
    email, own = new_address(), new_address()
    site.user(email, password=PASSWORD)
    site.user(own, password=PASSWORD)
    attacker = site.browser()
    statuses = []
    for _ in range(7):
        statuses.append(attacker.submit("/api/auth/callback/credentials", email=email, password=OTHER).status_code)
        assert attacker.submit("/api/auth/callback/credentials", email=own, password=PASSWORD).status_code == 303
    assert statuses[:5] == [401] * 5
    assert statuses[5:] == [429] * 2


def test_codes_of_two_mails_count_together_and_not_for_another_browser(site: Site) -> None:
    email = new_address()
    asker, other = site.browser(), site.browser()
    ask(asker, FLOWS["sign_in"], email)
    ask(asker, FLOWS["sign_in"], email)
    ask(other, FLOWS["sign_in"], email)
    theirs, second, first = (code(mail) for mail in site.mails_to(email))
    wrong = next(f"{number:06}" for number in range(5) if f"{number:06}" not in (theirs, second, first))
    # A code of another browser's mail is a wrong one here.
    for digits in (wrong, theirs, wrong, "", wrong):
        asker.submit("/api/auth/callback/email", code=digits)
    for digits in (first, second):
        asker.submit("/api/auth/callback/email", code=digits)
        assert asker.session() is None
    for mail in site.mails_to(email)[1:]:
        asker.get(link(mail))
        assert asker.session() is None
    other.submit("/api/auth/callback/email", code=theirs)
    assert other.session() is not None
    other.submit("/api/auth/signout")
    other.get(link(site.mails_to(email)[0]))
    assert other.session() is None


def test_a_busy_server_asks_to_try_later_and_counts_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    email = new_address()
    site.user(email, password=PASSWORD)
    hasher = site.core.passwords.hasher
    monkeypatch.setattr(hasher, "_max_wait", 0.01)
    held, release = Event(), Event()

    def hold() -> None:
        with hasher._slot():
            held.set()
            release.wait(30)

    thread = Thread(target=hold)
    thread.start()
    held.wait(30)
    browser = site.browser()
    try:
        for _ in range(8):
            response = browser.submit("/api/auth/callback/credentials", email=email, password=OTHER)
            page = response if response.status_code == 503 else browser.get(response.headers["Location"])
            assert (page.status_code, page.headers["Retry-After"].isdecimal()) == (503, True)
        response = browser.submit("/account/sign-up", email=new_address(), password=OTHER)
        page = response if response.status_code == 503 else browser.get(response.headers["Location"])
        assert (page.status_code, page.headers["Retry-After"].isdecimal()) == (503, True)
    finally:
        release.set()
        thread.join()
    assert browser.submit("/api/auth/callback/credentials", email=email, password=OTHER).status_code == 401
    assert browser.submit("/api/auth/callback/credentials", email=email, password=PASSWORD).status_code == 303


def test_a_deleted_user_leaves_nothing(site: Site) -> None:
    email = new_address()
    owner = site.sign_up(email)
    owner.submit("/account/address", email=new_address("new"))
    owner.submit("/account/reset", email=email)
    owner.submit("/api/auth/signin/email", email=email)
    user = owner.session()["user"]["id"]  # type: ignore[index]
    site.core.adapter.delete_user(user)
    site.core.sessions.revocations.read_now()
    tables = {name for name, row in site.rows() if user in row or email in row}
    assert (
        tables & {"genkan_passwords", "genkan_verifications", "verification_token", "genkan_outbox", "users"} == set()
    )
    assert owner.session() is None


def test_a_disabled_user_gets_nothing(site: Site) -> None:
    email = new_address()
    owner, reader = site.sign_up(email), site.browser()
    reader.submit("/account/reset", email=email)
    reader.get(link(site.mails_to(email)[0]))
    reader.submit("/api/auth/signin/email", email=email)
    url = link(site.mails_to(email)[0])
    number = len(site.mails_to(email))
    site.core.adapter.update_user(owner.session()["user"]["id"], disabled=True)  # type: ignore[index]
    site.core.sessions.revocations.read_now()
    assert owner.session() is None
    reader.get(url)
    assert reader.session() is None
    assert "AccessDenied" in reader.submit("/account/reset/new", password=OTHER).headers["Location"]
    response = reader.submit("/api/auth/callback/credentials", email=email, password=PASSWORD)
    assert "AccessDenied" in response.headers["Location"]
    for path in FLOWS.values():
        ask(reader, path, email)
    assert len(site.mails_to(email)) == number
    assert reader.session() is None


def test_every_spelling_of_an_address_counts_for_the_same_user(site: Site) -> None:
    email = new_address("jos\u00e9")
    site.user(email, password=PASSWORD)
    browser = site.browser()
    statuses = [
        browser.submit("/api/auth/callback/credentials", email=typed, password=OTHER).status_code
        for typed in (email, email.upper(), email.title()) * 2
    ]
    assert statuses == [401] * 5 + [429]


def test_a_code_that_is_younger_than_the_first_wrong_one_gets_no_more_attempts(site: Site) -> None:
    email, browser = new_address(), site.browser()

    def fails(times: int) -> list[bool]:
        answers = [browser.submit("/api/auth/callback/email", code="12") for _ in range(times)]
        return ["reason=code" in answer.headers["Location"] for answer in answers]

    browser.submit("/api/auth/signin/email", email=email)
    site.clock.advance(540)
    assert fails(1) == [True]
    browser.submit("/api/auth/signin/email", email=email)
    site.clock.advance(540)
    assert fails(3) == [True] * 3
    browser.submit("/api/auth/signin/email", email=email)
    site.clock.advance(61)
    assert fails(1) == [False]
