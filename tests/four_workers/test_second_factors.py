"""Passkeys, codes and waiting sign-ins of an application with four worker processes and each kind of database, each
used once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests
from sqlalchemy import text

from genkan.second_factor.totp import code_at
from tests.email.proof.site import PASSWORD, new_address
from tests.four_workers.town import AT_ONCE, Town, Visitor, at_once, sessions
from tests.passkeys.authenticator import Authenticator
from tests.passkeys.ceremonies import CALLBACK, OPTIONS
from tests.second_factor.steps import codes_in, secret_in

pytestmark = pytest.mark.xdist_group("timing")


def options(visitor: Visitor, action: str) -> dict[str, Any]:
    found: dict[str, Any] = visitor.ask("GET", f"{OPTIONS}?action={action}").json()["options"]
    return found


def send_at_once(visitor: Visitor, action: str, credential: dict[str, Any]) -> list[requests.Response]:
    """Send the credential from many copies of the visitor at the same moment, as a client of Auth.js does."""
    form = {
        "csrfToken": visitor.ask("GET", "/api/auth/csrf").json()["csrfToken"],
        "action": action,
        "data": json.dumps(credential),
    }
    copies = [visitor.copy() for _ in range(AT_ONCE)]
    headers = {"X-Auth-Return-Redirect": "1"}
    return at_once(lambda number: copies[number].ask("POST", CALLBACK, data=form, headers=headers))


def failures(responses: list[requests.Response]) -> int:
    """Return the number of responses to a client of Auth.js that are errors."""
    return sum("error=" in response.json()["url"] for response in responses)


def enrol(owner: Visitor) -> tuple[str, list[str]]:
    """Turn the second factor of the signed-in user on. Return its secret and the recovery codes."""
    secret = secret_in(owner.ask("GET", "/account/totp").text)
    response = owner.submit("/account/totp", code=code_at(secret, int(time.time()) // 30))
    assert response.status_code == 200
    return secret, codes_in(response.text)


def waiting(town: Town, email: str) -> Visitor:
    """Return a visitor who has proven the password, and not the second factor."""
    visitor = town.visitor()
    response = visitor.submit("/api/auth/callback/credentials", email=email, password=PASSWORD)
    assert response.headers["Location"].endswith("/account/second")
    assert visitor.email() is None
    return visitor


def enter_at_once(visitors: list[Visitor], codes: list[str]) -> list[requests.Response]:
    """Let every visitor enter the code at the same place of the list, at the same moment."""
    tokens = [visitor.ask("GET", "/api/auth/csrf").json()["csrfToken"] for visitor in visitors]
    return at_once(
        lambda number: visitors[number].ask(
            "POST", "/account/second", data={"csrfToken": tokens[number], "code": codes[number]}
        ),
        len(visitors),
    )


def test_a_passkey_is_added_once_and_its_response_starts_one_session(town: Town) -> None:
    owner, person = town.sign_up(new_address()), town.visitor()
    authenticator = Authenticator(town.running.origin)
    responses = send_at_once(owner, "register", authenticator.create(options(owner, "register")))
    assert (sessions(responses), failures(responses)) == (0, AT_ONCE - 1)
    with town.running.database.read() as session:
        assert session.execute(text("SELECT count(*) FROM authenticators")).scalar_one() == 1

    responses = send_at_once(person, "authenticate", authenticator.get(options(person, "authenticate")))
    assert (sessions(responses), failures(responses)) == (1, AT_ONCE - 1)


@pytest.mark.parametrize("kind", ["code of the app", "recovery code"])
def test_a_code_completes_one_of_many_waiting_sign_ins(town: Town, kind: str) -> None:
    email = new_address()
    secret, recovery = enrol(town.sign_up(email))
    # That of the current period was used to enrol.
    code = recovery[0] if kind == "recovery code" else code_at(secret, int(time.time()) // 30 + 1)
    visitors = [waiting(town, email) for _ in range(AT_ONCE)]

    assert sessions(enter_at_once(visitors, [code] * AT_ONCE)) == 1
    assert sum(visitor.email() == email for visitor in visitors) == 1


def test_a_waiting_sign_in_is_completed_once(town: Town) -> None:
    """By as many different codes as a waiting sign-in accepts."""
    email = new_address()
    _, recovery = enrol(town.sign_up(email))
    person = waiting(town, email)

    assert sessions(enter_at_once([person.copy() for _ in range(5)], recovery[:5])) == 1
