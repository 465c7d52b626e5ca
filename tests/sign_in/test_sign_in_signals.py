"""Callbacks and signals of a sign-in: their order, as in Auth.js, and their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genkan import signals
from genkan.callbacks import JWTParams, SignInParams
from tests.provider_client import ProviderClient, SentSignals, set_callbacks


def record_callbacks(client: ProviderClient, sent_signals: SentSignals) -> None:
    def recording(name: str, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def record(params: Any) -> Any:
            sent_signals.append((name, {"params": params}))
            return callback(params)

        return record

    original = client.core.callbacks
    names = ("redirect", "sign_in", "jwt", "session")
    set_callbacks(client, **{name: recording(name, getattr(original, name)) for name in names})


def kwargs_of(sent_signals: SentSignals, name: str) -> dict[str, Any]:
    return next(kwargs for sent, kwargs in sent_signals if sent == name)


def params_of(sent_signals: SentSignals, name: str) -> Any:
    return kwargs_of(sent_signals, name)["params"]


def test_the_order_at_a_first_sign_in(client: ProviderClient, sent_signals: SentSignals) -> None:
    callback_url = client.callback_url()
    record_callbacks(client, sent_signals)
    client.get(callback_url)

    order = ["sign_in", "user-created", "account-linked", "jwt", "session", "signed-in"]
    assert [name for name, _ in sent_signals] == order
    assert params_of(sent_signals, "jwt").trigger == "signUp"
    assert params_of(sent_signals, "jwt").is_new_user is kwargs_of(sent_signals, "signed-in")["is_new_user"] is True


def test_the_order_at_a_later_sign_in(client: ProviderClient, sent_signals: SentSignals) -> None:
    client.sign_in_as()
    sent_signals.clear()
    callback_url = client.callback_url()
    record_callbacks(client, sent_signals)
    client.get(callback_url)

    assert [name for name, _ in sent_signals] == ["sign_in", "jwt", "session", "signed-in"]
    assert params_of(sent_signals, "jwt").trigger == "signIn"
    assert params_of(sent_signals, "jwt").is_new_user is kwargs_of(sent_signals, "signed-in")["is_new_user"] is False


def test_callbacks_get_the_user_the_account_and_the_raw_profile(
    client: ProviderClient, sent_signals: SentSignals
) -> None:
    record_callbacks(client, sent_signals)
    client.sign_in_as()

    sign_in_params: SignInParams = params_of(sent_signals, "sign_in")
    jwt_params: JWTParams = params_of(sent_signals, "jwt")
    (user,) = client.core.adapter.list_users()
    assert jwt_params.user == user
    assert jwt_params.token == {
        "name": "Vera Visitor",
        "email": "visitor@example.org",
        "picture": "https://pictures.example/visitor.png",
        "sub": user.id,
    }
    assert (jwt_params.account and jwt_params.account.user_id, sign_in_params.account.user_id) == (user.id, None)
    assert sign_in_params.account.tokens["token_type"] == "Bearer"
    assert sign_in_params.profile["sub"] == sign_in_params.account.provider_account_id == "visitor-1"
    assert kwargs_of(sent_signals, "signed-in")["profile"] == sign_in_params.profile


def test_the_sign_in_callback_gets_the_stored_user_of_a_known_account(
    client: ProviderClient, sent_signals: SentSignals
) -> None:
    client.sign_in_as()
    record_callbacks(client, sent_signals)
    client.sign_in_as(name="Vera Wed")

    (user,) = client.core.adapter.list_users()
    assert (params_of(sent_signals, "sign_in").user.id, params_of(sent_signals, "sign_in").user.name) == (
        user.id,
        "Vera Visitor",
    )


def test_a_failing_receiver_does_not_prevent_the_sign_in(client: ProviderClient) -> None:
    def receiver(_sender: object, **_kwargs: object) -> None:
        raise RuntimeError("not today")

    with signals.user_created.connected_to(receiver), signals.signed_in.connected_to(receiver):
        client.sign_in_as()

    assert client.name() == "Vera Visitor"
