"""Links, codes, passwords and mails of an application with four worker processes, a mail server and each kind of
database."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.email.proof.site import OTHER, PASSWORD, new_address
from tests.four_workers.town import (
    AT_ONCE,
    Town,
    Visitor,
    at_once,
    code,
    fields_of,
    link,
    sessions,
)
from tests.revocation.running_app import COOKIE, wait_for_max_lag

pytestmark = pytest.mark.xdist_group("timing")


# requirements K5 and K6
def test_a_link_starts_one_session_after_programs_have_opened_it(town: Town) -> None:
    email, person = new_address(), town.visitor()
    person.submit("/api/auth/signin/email", email=email)
    url = link(town.texts(email)[0])
    for headers in ({}, {"User-Agent": "SafeLinks"}, {"Purpose": "prefetch"}):
        scanner = Visitor(town.running.origin, headers)
        assert scanner.ask("HEAD", url).status_code == 405
        page = scanner.ask("GET", url)
        assert (page.status_code, page.cookies.get(COOKIE)) == (200, None)
    form = fields_of(page.text)
    others = [scanner.copy() for _ in range(AT_ONCE)]
    askers = [person.copy() for _ in range(AT_ONCE)]

    def open_link(number: int) -> requests.Response:
        if number % 2:
            return askers[number].ask("GET", url)
        return others[number].ask("POST", "/api/auth/callback/email", data=form)

    assert sessions(at_once(open_link)) == 1


# requirement K5
def test_a_code_starts_one_session(town: Town) -> None:
    email, person = new_address(), town.visitor()
    person.submit("/api/auth/signin/email", email=email)
    digits, token = code(town.texts(email)[0]), person.ask("GET", "/api/auth/csrf").json()["csrfToken"]
    copies = [person.copy() for _ in range(AT_ONCE)]
    form = {"csrfToken": token, "code": digits}

    assert sessions(at_once(lambda number: copies[number].ask("POST", "/api/auth/callback/email", data=form))) == 1


def test_of_a_hundred_parallel_guesses_five_are_compared(town: Town) -> None:
    email, person = new_address(), town.visitor()
    person.submit("/api/auth/signin/email", email=email)
    text, token = town.texts(email)[0], person.ask("GET", "/api/auth/csrf").json()["csrfToken"]
    copies = [person.copy() for _ in range(25)]
    guesses = [f"{number:06}" for number in range(100) if f"{number:06}" != code(text)]

    def guess(number: int) -> list[requests.Response]:
        return [
            copies[number].ask("POST", "/api/auth/callback/email", data={"csrfToken": token, "code": each})
            for each in guesses[number::25]
        ]

    with ThreadPoolExecutor(25) as pool:
        responses = [response for part in pool.map(guess, range(25)) for response in part]
    again = [response for response in responses if "/verify-request?" in response.headers["Location"]]
    assert len(again) == 4, "the fifth wrong code ends the link"
    assert (
        sessions([person.copy().ask("POST", "/api/auth/callback/email", data={"csrfToken": token, "code": code(text)})])
        == 0
    )
    assert sessions([person.ask("GET", link(text))]) == 0


def test_a_sign_up_creates_one_user_and_one_session(town: Town) -> None:
    email, person = new_address(), town.visitor()
    person.submit("/account/sign-up", email=email, password=PASSWORD)
    url = link(town.texts(email)[0])
    other = town.visitor()
    form = fields_of(other.ask("GET", url).text)
    form.pop("without", None)
    copies = [person.copy() if number % 2 else other.copy() for number in range(AT_ONCE)]

    def confirm(number: int) -> requests.Response:
        if number % 2:
            return copies[number].ask("GET", url)
        # Without the password, since only a few passwords are compared.
        return copies[number].ask("POST", "/account/sign-up/confirm", data={**form, "without": "1"})

    assert sessions(at_once(confirm)) == 1


def test_a_reset_changes_the_password_once_and_ends_every_session(town: Town) -> None:
    email = new_address()
    owner = town.sign_up(email)
    cookie = owner.cookies[COOKIE]
    town.running.warm(cookie)
    asker = town.visitor()
    asker.submit("/api/auth/signin/email", email=email)
    asker.submit("/account/reset", email=email)
    reset, sign_in = town.texts(email, 3)[:2]
    if "/reset/" not in link(reset):
        reset, sign_in = sign_in, reset
    asker.ask("GET", link(reset))
    token = asker.ask("GET", "/api/auth/csrf").json()["csrfToken"]
    copies = [asker.copy() for _ in range(AT_ONCE)]
    passwords = [f"{OTHER} number {number}" for number in range(AT_ONCE)]

    responses = at_once(
        lambda number: copies[number].ask(
            "POST", "/account/reset/new", data={"csrfToken": token, "password": passwords[number]}
        )
    )
    done = time.monotonic()
    changed = ["notice=password-changed" in response.headers.get("Location", "") for response in responses]
    assert changed.count(True) == 1, Counter(response.status_code for response in responses)
    time.sleep(max(0.0, done + 1 - time.monotonic()))
    assert not town.running.is_signed_in_anywhere(cookie)
    assert "was changed" in town.texts(email, 4)[0] or "changed" in town.texts(email, 4)[0]
    # Of the same user, but asked for before.
    assert "error=Verification" in asker.ask("GET", link(sign_in)).headers["Location"]
    works = [
        town.visitor().submit("/api/auth/callback/credentials", email=email, password=password).status_code == 303
        for password in (PASSWORD, passwords[changed.index(False)], passwords[changed.index(True)])
    ]
    assert works == [False, False, True]


def test_a_change_of_the_address_happens_once_and_can_be_undone_once(town: Town) -> None:
    email, new = new_address(), new_address("new")
    owner = town.sign_up(email)
    owner.submit("/account/address", email=new)
    form = fields_of(owner.ask("GET", link(town.texts(new)[0])).text)
    undo = link(town.texts(email, 2)[0])
    copies = [owner.copy() for _ in range(AT_ONCE)]
    responses = at_once(lambda number: copies[number].ask("POST", "/account/address/confirm", data=form))
    changed = ["notice=address-changed" in response.headers["Location"] for response in responses]
    assert changed.count(True) == 1
    wait_for_max_lag(time.monotonic())
    assert not town.running.is_signed_in_anywhere(owner.cookies[COOKIE])
    owner = copies[changed.index(True)]
    assert owner.email() == new
    reader = town.visitor()
    form = fields_of(reader.ask("GET", undo).text)
    readers = [reader.copy() for _ in range(AT_ONCE)]
    responses = at_once(lambda number: readers[number].ask("POST", "/account/address/undo", data=form))
    done = time.monotonic()
    assert sum("notice=address-restored" in response.headers["Location"] for response in responses) == 1
    time.sleep(max(0.0, done + 1 - time.monotonic()))
    assert not town.running.is_signed_in_anywhere(owner.cookies[COOKIE])
    assert reader.ask("GET", undo).status_code in (302, 303, 400)


# requirement K4
def test_of_a_hundred_parallel_passwords_few_are_compared(town: Town) -> None:
    email = new_address()
    owner = town.sign_up(email)
    attacker = town.visitor()
    token = attacker.ask("GET", "/api/auth/csrf").json()["csrfToken"]
    copies = [attacker.copy() for _ in range(20)]
    for number, each in enumerate(copies):
        # Of one network, whose clients the header lists behind an address that the client has made up.
        each.headers["X-Forwarded-For"] = f"203.0.113.{number}, 198.51.100.{number}"
    form = {"csrfToken": token, "email": email, "password": OTHER}

    def guess(number: int) -> list[int]:
        return [copies[number].ask("POST", "/api/auth/callback/credentials", data=form).status_code for _ in range(5)]

    started = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        statuses = Counter(status for part in pool.map(guess, range(20)) for status in part)
    seconds = time.monotonic() - started
    # 503: a process computes one hash at a time, and others wait for a limited time.
    assert set(statuses) <= {401, 429, 503}
    # Five without a delay, then one after 2, 6, 14, 30 … seconds.
    assert statuses[401] <= 5 + sum(seconds > each - 2 for each in (2, 6, 14, 30, 62)), (statuses, seconds)
    # The owner signs in elsewhere.
    assert town.visitor().submit("/api/auth/callback/credentials", email=email, password=PASSWORD).status_code == 303
    assert owner.email() == email
