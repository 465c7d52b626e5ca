"""The claim `amr`: what a provider says, and what no callback changes."""

from __future__ import annotations

from typing import Any

import pytest

from genkan.callbacks import JWTParams
from genkan.oauth.reauthentication import amr_of, is_fresh, methods_of
from genkan.providers.github import github
from genkan.providers.oidc import oidc
from genkan.session.issuer import first_token, keep_reserved_claims
from genkan.types import Account, ProviderIdentity, Token, User
from tests.clock import FrozenClock
from tests.core import make_core, with_callback


@pytest.mark.parametrize(
    ("claim", "methods"),
    [
        (["pwd", "mfa"], ("pwd", "mfa")),
        ([], ()),
        ("mfa", ()),
        (None, ()),
        ({"mfa": True}, ()),
        ([["mfa"], 1, "", "x" * 33, "otp"], ("otp",)),
        (["mfa"] * 17, ()),
    ],
)
def test_a_malformed_claim_says_nothing(claim: Any, methods: tuple[str, ...]) -> None:
    assert methods_of({"amr": claim}) == methods


def test_only_an_openid_provider_says_how_the_user_authenticated() -> None:
    assert amr_of(oidc, {"amr": ["mfa"]}) == ("mfa",)
    assert amr_of(github, {"amr": ["mfa"]}) == ()


def test_a_recent_authentication_with_one_factor_is_none_with_two() -> None:
    assert is_fresh({"auth_time": 100, "amr": ["pwd"]}, 60, 120)
    assert not is_fresh({"auth_time": 100, "amr": ["pwd"]}, 60, 120, "mfa")
    assert is_fresh({"auth_time": 100, "amr": ["pwd", "mfa"]}, 60, 120, "mfa")
    assert not is_fresh({"auth_time": 100, "amr": ["mfa"]}, 60, 161, "mfa")
    assert not is_fresh({"auth_time": 100, "amr": None}, 60, 120, "mfa")


def test_no_callback_raises_the_level(clock: FrozenClock) -> None:
    def raised(params: JWTParams) -> Token:
        return {**params.token, "amr": ["mfa"]}

    core = with_callback(make_core(clock), jwt=raised)
    account = Account("email", "hana@example.com", "email")
    for amr, claim in ((("otp",), ["otp"]), ((), None)):
        identity = ProviderIdentity(User(""), account, {}, amr=amr)
        token = first_token(identity, User("hana"), False, core.sessions)
        assert token.get("amr") == claim
        assert keep_reserved_claims(token, {**token, "amr": ["mfa"]}).get("amr") == claim
