"""What came back from a provider: whose it is, whether they may come in, and the session they get."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from genkan import checks, cookies, events, oauth
from genkan.actions import session
from genkan.actions.landing import failure, renew_csrf, resolve
from genkan.checks import FLOW_SECONDS, Flow
from genkan.claims import clean_subject, user_of
from genkan.errors import (
    AccessDenied,
    AuthError,
    InvalidCheck,
    InvalidProvider,
    ProviderError,
    StorageUnavailable,
    StoreError,
)
from genkan.http import Cookie, Reply, Request
from genkan.identity import Account, Profile, Token, User
from genkan.options import JWTParams, Options, SignInParams
from genkan.providers.base import Provider

_log = logging.getLogger("genkan.callback")


@dataclass(frozen=True, slots=True)
class _Arrival:
    user: User
    account: Account
    profile: Profile
    is_new_user: bool


def callback(provider_id: str, request: Request, options: Options) -> Reply:
    """Finish a sign-in: exchange the code, admit the person, start their session, and land where they wanted.

    The flow is used up before the provider is asked, so a code is spent once however often the callback arrives
    (O14); its cookie goes whatever comes of it. An existing session stays until a new one takes its place.
    """
    params = {**request.query, **{k: v for k, v in request.body.items() if isinstance(v, str)}}
    spent = checks.clear_flow(params.get("state"), request.cookie_header, options)
    try:
        provider = options.providers.get(provider_id)
        if provider is None:
            raise InvalidProvider
        flow = checks.use(provider.id, params.get("state"), request.cookie_header, options)
        if not _spend(flow, options):
            return Reply(location=flow.callback_url)
        return _admit(provider, flow, params, request, options, spent)
    except StoreError:
        return failure(StorageUnavailable(), options, spent)
    except AuthError as error:
        _log.warning("sign-in failed", extra=_why(provider_id, error))
        return _failure(error, request, options, spent)


def _spend(flow: Flow, options: Options) -> bool:
    return options.adapter.spend(flow.spent_id, options.clock() + FLOW_SECONDS)


def _admit(
    provider: Provider,
    flow: Flow,
    params: Mapping[str, str],
    request: Request,
    options: Options,
    spent: tuple[Cookie, ...],
) -> Reply:
    code = oauth.read_code(provider, params, options)
    profile, tokens = oauth.exchange(provider, flow, code, options)
    candidate, account = _identify(provider, profile, tokens, options)
    stored = options.adapter.get_user_by_account(account.provider, account.provider_account_id)
    elsewhere = _ask_sign_in(stored or candidate, account, profile, options)
    if elsewhere is not None:
        return Reply(location=elsewhere, cookies=spent)
    arrival = _store(stored, candidate, account, profile, options)
    written = _start_session(arrival, request, options)
    events.send(
        events.signed_in,
        user=arrival.user,
        account=arrival.account,
        profile=arrival.profile,
        is_new_user=arrival.is_new_user,
    )
    return Reply(location=_landing(flow, arrival, options), cookies=(*spent, *written))


def _identify(
    provider: Provider, profile: Profile, tokens: Mapping[str, Any], options: Options
) -> tuple[User, Account]:
    try:
        said = provider.profile(profile)
    except Exception as error:
        raise ProviderError(f"profile: {type(error).__name__}") from error
    candidate = user_of(said, options.clock())
    account = Account(provider.id, clean_subject(said.id), provider.type, tokens)
    return candidate, account


def _ask_sign_in(user: User, account: Account, profile: Profile, options: Options) -> str | None:
    try:
        answer = options.callbacks.sign_in(SignInParams(user, account, profile))
    except AuthError:
        raise
    except Exception as error:
        raise AccessDenied(f"sign_in callback: {type(error).__name__}") from error
    if not answer:
        raise AccessDenied("sign_in callback")
    return resolve(answer, options) if isinstance(answer, str) else None


def _store(stored: User | None, candidate: User, account: Account, profile: Profile, options: Options) -> _Arrival:
    if stored is not None:
        user = options.adapter.update_user(replace(candidate, id=stored.id), account)
        return _Arrival(user, replace(account, user_id=user.id), profile, is_new_user=False)
    user, is_new = options.adapter.create_user(candidate, account)
    account = replace(account, user_id=user.id)
    if is_new:
        events.send(events.user_created, user=user)
        events.send(events.account_linked, user=user, account=account, profile=profile)
    return _Arrival(user, account, profile, is_new)


def _start_session(arrival: _Arrival, request: Request, options: Options) -> tuple[Cookie, ...]:
    seen = cookies.read_session(request.cookie_header, options.names.session)
    try:
        token = _first_token(arrival, options)
        written = session.issue(token, seen.names if seen else (), options)[1]
    except AuthError:
        raise
    except Exception as error:
        raise AuthError(f"callback: {type(error).__name__}") from error
    return (*written, renew_csrf(options))


def _first_token(arrival: _Arrival, options: Options) -> Token:
    user = arrival.user
    token = options.callbacks.jwt(
        JWTParams(
            token={"name": user.name, "email": user.email, "picture": user.image, "sub": user.id},
            user=user,
            account=arrival.account,
            profile=arrival.profile,
            is_new_user=arrival.is_new_user,
            trigger="signUp" if arrival.is_new_user else "signIn",
        )
    )
    if token is None:
        raise AccessDenied("jwt callback")
    # Never what the browser brought: a new token for every sign-in (S1), counted from now (S6).
    now = int(options.clock())
    return {**token, "iat": now, "auth_time": now}


def _landing(flow: Flow, arrival: _Arrival, options: Options) -> str:
    if arrival.is_new_user and options.pages.new_user:
        return resolve(options.pages.new_user, options)
    return flow.callback_url


def _why(provider_id: str, error: AuthError) -> dict[str, str | None]:
    # An unknown provider's name is the visitor's own text and stays out of the log.
    provider = None if isinstance(error, InvalidProvider) else provider_id
    return {
        "event": "sign-in-failed",
        "provider": provider,
        "code": error.code,
        "reason": error.reason,
        "why": str(error),
    }


def _failure(error: AuthError, request: Request, options: Options, spent: tuple[Cookie, ...]) -> Reply:
    # A callback that comes again after it succeeded finds its flow gone; whoever is signed in is not told off.
    if isinstance(error, InvalidCheck) and session.read(request.cookie_header, options).session is not None:
        remembered = cookies.read(request.cookie_header, options.names.callback_url)
        return Reply(location=resolve(remembered or "/", options), cookies=spent)
    return failure(error, options, spent)
