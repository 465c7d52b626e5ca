"""Who hears of a sign-in, when and with what: callbacks and signals in Auth.js's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genkan import signals
from genkan.callbacks import JWTParams, SignInParams
from tests.provider_client import ProviderClient, SentSignals, set_callbacks


def noting(client: ProviderClient, sent_signals: SentSignals) -> None:
    def noted(name: str, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def note(params: Any) -> Any:
            sent_signals.append((name, {"params": params}))
            return callback(params)

        return note

    own = client.options.callbacks
    names = ("redirect", "sign_in", "jwt", "session")
    set_callbacks(client, **{name: noted(name, getattr(own, name)) for name in names})


def told(sent_signals: SentSignals, name: str) -> dict[str, Any]:
    return next(news for said, news in sent_signals if said == name)


def params_of(sent_signals: SentSignals, name: str) -> Any:
    return told(sent_signals, name)["params"]


def test_a_first_sign_in_is_told_in_order(client: ProviderClient, sent_signals: SentSignals) -> None:
    back = client.callback_url()
    noting(client, sent_signals)
    client.get(back)

    order = ["sign_in", "user-created", "account-linked", "jwt", "session", "signed-in"]
    assert [name for name, _ in sent_signals] == order
    assert params_of(sent_signals, "jwt").trigger == "signUp"
    assert params_of(sent_signals, "jwt").is_new_user is told(sent_signals, "signed-in")["is_new_user"] is True


def test_a_later_sign_in_is_told_in_order(client: ProviderClient, sent_signals: SentSignals) -> None:
    client.sign_in_as()
    sent_signals.clear()
    back = client.callback_url()
    noting(client, sent_signals)
    client.get(back)

    assert [name for name, _ in sent_signals] == ["sign_in", "jwt", "session", "signed-in"]
    assert params_of(sent_signals, "jwt").trigger == "signIn"
    assert params_of(sent_signals, "jwt").is_new_user is told(sent_signals, "signed-in")["is_new_user"] is False


def test_callbacks_are_given_the_user_the_account_and_the_raw_profile(
    client: ProviderClient, sent_signals: SentSignals
) -> None:
    noting(client, sent_signals)
    client.sign_in_as()

    asked: SignInParams = params_of(sent_signals, "sign_in")
    made: JWTParams = params_of(sent_signals, "jwt")
    (stored,) = client.options.adapter.list_users()
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
    assert told(sent_signals, "signed-in")["profile"] == asked.profile


def test_the_sign_in_callback_sees_the_stored_user_where_there_is_one(
    client: ProviderClient, sent_signals: SentSignals
) -> None:
    client.sign_in_as()
    noting(client, sent_signals)
    client.sign_in_as(name="Vera Wed")

    (stored,) = client.options.adapter.list_users()
    assert (params_of(sent_signals, "sign_in").user.id, params_of(sent_signals, "sign_in").user.name) == (
        stored.id,
        "Vera Visitor",
    )


def test_a_receiver_that_fails_keeps_nobody_out(client: ProviderClient) -> None:
    def receiver(_sender: object, **_news: object) -> None:
        raise RuntimeError("not today")

    with signals.user_created.connected_to(receiver), signals.signed_in.connected_to(receiver):
        client.sign_in_as()

    assert client.name() == "Vera Visitor"
