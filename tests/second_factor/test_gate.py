"""Ask for a second factor at every way to sign in, with each state of the user."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from genkan.actions.second_factor.require import require_second_factor
from genkan.core import Core
from genkan.errors import AuthError
from genkan.http.cookies import RequestCookies
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.types import Account, ProviderIdentity, User
from tests.core import with_callback
from tests.second_factor.conftest import Enrolled
from tests.second_factor.steps import ADDRESS

URL = "http://127.0.0.1:5000/dashboard"


def core_of(enrolled: Enrolled, required: tuple[str, ...]) -> Core:
    core: Core = enrolled.browser.core
    assert core.second_factor is not None
    return replace(core, second_factor=replace(core.second_factor, required=required))


def require(core: Core, user: User, *, type: str, amr: tuple[str, ...] = (), **more: object) -> str | ProviderIdentity:
    """Return the identity that a session may start with, or the last part of the URL of the redirect."""
    identity = ProviderIdentity(user, Account("hub", "1", type), {}, auth_time=100, amr=amr)
    request = ActionRequest("POST", cookies=RequestCookies(str(more.get("cookie", ""))))
    answer = require_second_factor(
        identity, user, URL, request, core, is_new_user=False, is_fresh=bool(more.get("is_fresh"))
    )
    return str(answer.location).rpartition("/")[2] if isinstance(answer, ActionResponse) else answer


def test_each_way_in_with_each_state(enrolled: Enrolled) -> None:
    """A user who has a second factor, one who has none, and one whose role needs one."""
    adapter = enrolled.browser.core.adapter
    has_one = adapter.get_user_by_email(ADDRESS)
    assert has_one is not None
    has_none, _ = adapter.create_user(User(""), Account("hub", "other", "oidc"))
    for is_on, is_required, type, is_fresh, amr in product(
        (True, False),
        (True, False),
        ("email", "credentials", "oauth", "oidc", "webauthn", "anything"),
        (True, False),
        ((), ("pwd",), ("pop", "user", "mfa")),
    ):
        core = core_of(enrolled, ("user",) if is_required else ("admin",))
        answer = require(core, has_one if is_on else has_none, type=type, amr=amr, is_fresh=is_fresh)
        is_asked = is_required or (is_on and (is_fresh or type not in ("oauth", "oidc")))
        if "mfa" in amr or not is_asked:
            assert isinstance(answer, ProviderIdentity)
            assert (answer.amr, answer.auth_time) == (amr, 100)
        else:
            assert answer == ("second" if is_on else "enrol")


@pytest.mark.parametrize("type", ["email", "credentials", "oidc"])
def test_a_trusted_browser_is_asked_to_confirm_an_identity_only(enrolled: Enrolled, type: str) -> None:
    core = core_of(enrolled, ("user",))
    factor, user = core.second_factor, core.adapter.get_user_by_email(ADDRESS)
    assert factor is not None
    assert user is not None
    device, cookie = factor.devices.create("Firefox")
    factor.store.trust(user.id, device)
    header = f"{cookie.name}={cookie.value}"
    answer = require(core, user, type=type, amr=("pwd",), cookie=header)

    assert isinstance(answer, ProviderIdentity)
    assert (answer.amr, answer.auth_time) == (("pwd",), None)
    assert require(core, user, type=type, cookie=header, is_fresh=True) == "second"
    assert require(core, user, type=type, cookie=f"{cookie.name}=other") == "second"
    assert require(core, user, type=type, cookie=f"{core.cookie_names.known}={cookie.value}") == "second"


def test_a_role_callback_that_fails_lets_no_user_in(enrolled: Enrolled) -> None:
    core = core_of(enrolled, ("admin",))
    user = core.adapter.get_user_by_email(ADDRESS)
    assert user is not None

    def fail(_: object) -> str:
        raise RuntimeError

    with pytest.raises(AuthError):
        require(with_callback(core, role=fail), user, type="oidc")
    assert require(with_callback(core, role=lambda _: "admin"), user, type="oidc") == "second"
