"""Who hears of a sign-in, when and with what: callbacks and signals in Auth.js's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genkan import signals
from genkan.callbacks import JWTParams, SignInParams
from tests.provider_client import Heard, ProviderClient, listen_to


def noting(visitor: ProviderClient, heard: Heard) -> None:
    def noted(name: str, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def note(params: Any) -> Any:
            heard.append((name, {"params": params}))
            return callback(params)

        return note

    own = visitor.options.callbacks
    names = ("redirect", "sign_in", "jwt", "session")
    listen_to(visitor, **{name: noted(name, getattr(own, name)) for name in names})


def told(heard: Heard, name: str) -> dict[str, Any]:
    return next(news for said, news in heard if said == name)


def params_of(heard: Heard, name: str) -> Any:
    return told(heard, name)["params"]


def test_a_first_sign_in_is_told_in_order(visitor: ProviderClient, heard: Heard) -> None:
    back = visitor.callback_url()
    noting(visitor, heard)
    visitor.get(back)

    order = ["sign_in", "user-created", "account-linked", "jwt", "session", "signed-in"]
    assert [name for name, _ in heard] == order
    assert params_of(heard, "jwt").trigger == "signUp"
    assert params_of(heard, "jwt").is_new_user is told(heard, "signed-in")["is_new_user"] is True


def test_a_later_sign_in_is_told_in_order(visitor: ProviderClient, heard: Heard) -> None:
    visitor.sign_in_as()
    heard.clear()
    back = visitor.callback_url()
    noting(visitor, heard)
    visitor.get(back)

    assert [name for name, _ in heard] == ["sign_in", "jwt", "session", "signed-in"]
    assert params_of(heard, "jwt").trigger == "signIn"
    assert params_of(heard, "jwt").is_new_user is told(heard, "signed-in")["is_new_user"] is False


def test_callbacks_are_given_the_user_the_account_and_the_raw_profile(visitor: ProviderClient, heard: Heard) -> None:
    noting(visitor, heard)
    visitor.sign_in_as()

    asked: SignInParams = params_of(heard, "sign_in")
    made: JWTParams = params_of(heard, "jwt")
    (stored,) = visitor.options.adapter.list_users()
    assert made.user == stored
    assert made.token == {
        "name": "Vera Visitor",
        "email": "visitor@example.org",
        "picture": "https://pictures.example/visitor.png",
        "sub": stored.id,
    }
    assert (made.account and made.account.user_id, asked.account.user_id) == (stored.id, None)
    assert asked.account.tokens["token_type"] == "Bearer"
    assert asked.profile["sub"] == asked.account.provider_account_id == "visitor-1"
    assert told(heard, "signed-in")["profile"] == asked.profile


def test_the_sign_in_callback_sees_the_stored_user_where_there_is_one(visitor: ProviderClient, heard: Heard) -> None:
    visitor.sign_in_as()
    noting(visitor, heard)
    visitor.sign_in_as(name="Vera Wed")

    (stored,) = visitor.options.adapter.list_users()
    assert (params_of(heard, "sign_in").user.id, params_of(heard, "sign_in").user.name) == (stored.id, "Vera Visitor")


def test_a_receiver_that_fails_keeps_nobody_out(visitor: ProviderClient) -> None:
    def receiver(_sender: object, **_news: object) -> None:
        raise RuntimeError("not today")

    with signals.user_created.connected_to(receiver), signals.signed_in.connected_to(receiver):
        visitor.sign_in_as()

    assert visitor.name() == "Vera Visitor"
