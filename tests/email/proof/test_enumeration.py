"""No response, no header and no number of statements tells whether an address has an account."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.browser import Browser
from tests.email.proof.site import OTHER, PASSWORD, Site, new_address

WIRE = {"X-Auth-Return-Redirect": "1"}

FLOWS: dict[str, Callable[[Browser, str], TestResponse]] = {
    "password": lambda browser, email: browser.submit("/api/auth/callback/credentials", email=email, password=OTHER),
    "password on the wire": lambda browser, email: browser.submit(
        "/api/auth/callback/credentials", WIRE, email=email, password=OTHER
    ),
    "link": lambda browser, email: browser.submit("/api/auth/signin/email", email=email),
    "link on the wire": lambda browser, email: browser.submit("/api/auth/signin/email", WIRE, email=email),
    "sign-up": lambda browser, email: browser.submit("/account/sign-up", email=email, password=OTHER),
    "reset": lambda browser, email: browser.submit("/account/reset", email=email),
}

KINDS: dict[str, Callable[[Site, str], object]] = {
    "unknown": lambda _site, _email: None,
    "with a password": lambda site, email: site.user(email, password=PASSWORD),
    "without a password": lambda site, email: site.user(email),
    "disabled": lambda site, email: site.user(email, password=PASSWORD, disabled=True),
    "unverified": lambda site, email: site.user(email, verified=False, password=PASSWORD),
    "unverified and disabled": lambda site, email: site.user(email, verified=False, disabled=True),
}

SUBJECTS = {
    "unknown": ["Confirm your new address for 127.0.0.1:5000"],
    "with a password": ["Your address for 127.0.0.1:5000 is in use"],
    "without a password": ["Your address for 127.0.0.1:5000 is in use"],
    "disabled": [],
    "unverified": ["Confirm your new address for 127.0.0.1:5000"],
    "unverified and disabled": [],
}
"""Of the mail to the new address of a user."""


def seen(response: TestResponse, email: str) -> tuple[int, list[tuple[str, str]], str]:
    """Return status, headers and body without random values."""
    body = response.get_data(as_text=True).replace(email, "ADDRESS")
    body = re.sub(r'(name="csrfToken" value=|nonce[-=]"?)"?[^"\' ]+', r"\1", body)
    headers = [
        (name, re.sub(r"=[^;]*", "=", value) if name == "Set-Cookie" else value)
        for name, value in response.headers
        if name != "Server-Timing"
    ]
    return response.status_code, headers, body


@pytest.mark.parametrize("flow", FLOWS)
def test_every_address_gets_the_same_response_by_the_same_statements(site: Site, flow: str) -> None:
    submit, responses, statements = FLOWS[flow], {}, {}
    # What runs once in a process, such as the deletion of what has expired.
    submit(site.browser(), new_address())
    for kind, plant in KINDS.items():
        email, browser = new_address(), site.browser()
        plant(site, email)
        browser.csrf_token()
        with site.statements() as sent:
            response = submit(browser, email)
        responses[kind] = seen(response, email)
        statements[kind] = Counter(sent)
    for kind in KINDS:
        assert responses[kind] == responses["unknown"], kind
        assert statements[kind] == statements["unknown"], kind


@pytest.mark.parametrize("flow", ["link", "sign-up", "reset"])
def test_beyond_the_limit_every_address_gets_the_same_response(site: Site, flow: str) -> None:
    responses = {}
    for kind, plant in KINDS.items():
        email, browser = new_address(), site.browser()
        plant(site, email)
        answers = [seen(FLOWS[flow](browser, email), email) for _ in range(5)]
        assert answers[4] == answers[2], kind
        responses[kind] = answers[4]
        assert len(site.mails_to(email)) <= 3
    assert all(response == responses["unknown"] for response in responses.values())


def test_a_change_to_a_taken_address_looks_like_any_other(site: Site) -> None:
    owner, responses, statements = site.sign_up(new_address("owner")), {}, {}
    owner.get("/account/address")
    for kind, plant in KINDS.items():
        email = new_address()
        plant(site, email)
        owner.csrf_token()
        with site.statements() as sent:
            response = owner.submit("/account/address", email=email)
        responses[kind] = seen(response, email)
        statements[kind] = Counter(sent)
        assert [mail.subject for mail in site.mails_to(email)] == SUBJECTS[kind]
    for kind in KINDS:
        assert responses[kind] == responses["unknown"], kind
        assert statements[kind] == statements["unknown"], kind


@pytest.mark.parametrize("flow", ["link", "sign-up", "reset"])
@pytest.mark.parametrize("kind", ["disabled", "unverified and disabled"])
def test_a_disabled_user_gets_no_mail(site: Site, flow: str, kind: str) -> None:
    email = new_address()
    KINDS[kind](site, email)
    FLOWS[flow](site.browser(), email)
    assert site.mails_to(email) == []
