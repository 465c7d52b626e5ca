"""One callback on its way: what came back, who that is, what the application says of them, and what is written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from genkan.actions.callback_url import apply_redirect_callback
from genkan.adapters.sessions import Activity, ActivityKind
from genkan.callbacks import SignInParams
from genkan.claims import normalize_subject, to_user
from genkan.core import Core
from genkan.errors import AccessDenied, AuthError, OAuthAccountNotLinked, ProviderError, ReauthenticationFailed
from genkan.http.messages import ActionRequest, Cookie
from genkan.oauth import client
from genkan.oauth.checks import Flow
from genkan.providers.base import Provider
from genkan.session import activity, user_agent
from genkan.types import Account, Profile, User


@dataclass(frozen=True, slots=True)
class CallbackContext:
    """A flow that this browser began, is spent now, and has an answer of the provider's."""

    provider: Provider
    flow: Flow
    params: Mapping[str, str]
    """What came with the callback."""
    request: ActionRequest
    options: Core
    set_cookies: tuple[Cookie, ...]
    """Set-Cookies that every answer owes."""


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Who the provider says that is, whether or not we know them."""

    user: User
    account: Account
    profile: Profile


def identify(attempt: CallbackContext) -> ProviderIdentity:
    """Who came back. Raises AuthError where the provider doesn't say, or not credibly; see `oauth.exchange`."""
    provider, options = attempt.provider, attempt.options
    profile, tokens = client.exchange_code(provider, attempt.flow, attempt.params, options)
    try:
        said = provider.profile(profile)
    except Exception as error:
        raise ProviderError(f"profile: {type(error).__name__}") from error
    account = Account(provider.id, normalize_subject(said.id), provider.type, tokens)
    return ProviderIdentity(to_user(said, options.clock()), account, profile)


def user_by_account(account: Account, options: Core) -> User | None:
    """The user whose way in that is."""
    return options.adapter.get_user_by_account(account.provider, account.provider_account_id)


def authorize_sign_in(user: User, newcomer: ProviderIdentity, options: Core) -> str | None:
    """None if they may come in, or where the application sends them instead. Raises AccessDenied for whoever may not."""
    if user.disabled:
        raise AccessDenied("disabled")
    try:
        answer = options.callbacks.sign_in(SignInParams(user, newcomer.account, newcomer.profile))
    except AuthError:
        raise
    except Exception as error:
        raise AccessDenied(f"sign_in callback: {type(error).__name__}") from error
    if not answer:
        raise AccessDenied("sign_in callback")
    return apply_redirect_callback(answer, options) if isinstance(answer, str) else None


def log_activity(attempt: CallbackContext, user_id: str, kind: ActivityKind, detail: str | None = None) -> None:
    """Write into that user's story what this attempt has come to; never fails."""
    request, options = attempt.request, attempt.options
    entry = Activity(
        at=int(options.clock()),
        kind=kind,
        provider=attempt.provider.id,
        device=user_agent.describe(request.headers.get("user-agent", "")),
        ip_address=request.remote_addr,
        detail=detail,
    )
    activity.record_activity(user_id, entry, options)


@contextmanager
def log_denials(attempt: CallbackContext, user_id: str | None) -> Iterator[None]:
    """Where what is done in here refuses somebody, that stands in the story of the user whom it was about, if any."""
    try:
        yield
    except (AccessDenied, OAuthAccountNotLinked, ReauthenticationFailed) as error:
        if user_id is not None:
            log_activity(attempt, user_id, "refused", error.reason or error.code)
        raise
