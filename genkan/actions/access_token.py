"""A provider's access token for somebody, renewed when it has to be: once, however many ask at once (O18, F21).

Whoever finds the token expired takes a lease on its refresh token, which is a column of the account. One caller in one
worker gets it and asks the provider; the others look until the winner's tokens are there.
"""

from __future__ import annotations

import logging
import random
import time
from contextlib import suppress
from dataclasses import replace

from genkan import oauth
from genkan.actions import story
from genkan.adapters import is_leased
from genkan.errors import InvalidProvider, ProviderUnavailable, ReconnectRequired, StoreError
from genkan.identity import Account
from genkan.options import Options
from genkan.providers.base import Provider
from genkan.session_records import Activity

LEASE_SECONDS = 20
"""How long one caller alone may ask: longer than asking (`oauth.VISIT_SECONDS`) and a slow store's two writes can take, so
that nobody asks twice; after this time one who died in the middle stands in nobody's way."""

GOOD_FOR_SECONDS = 30
"""A token that ends sooner is renewed now: it has to arrive somewhere and be of use there."""

PATIENCE_SECONDS = 5.0
"""How long a caller waits for the one who asks: a provider that hangs is not to hold every thread (F6)."""

_log = logging.getLogger("genkan.tokens")


def access_token(user_id: str, provider_id: str, options: Options, *, provider_account_id: str | None = None) -> str:
    """An access token of that provider for that user, good for half a minute at least.

    Of several accounts there, the first that can give one, or the one that is named. Raises ReconnectRequired where the
    user has to sign in there again, ProviderUnavailable or ProviderError where renewing fails for now (nothing is lost),
    InvalidProvider for one that is not on, StoreError.

    If the store fails while it saves renewed tokens, this logs an error and returns the new access token. The store then
    still holds the old refresh token, so the next call may raise ReconnectRequired at a provider that rotates them.
    """
    provider = options.providers.get(provider_id)
    if provider is None:
        raise InvalidProvider(provider_id)
    has_waited, deadline = False, time.monotonic() + PATIENCE_SECONDS
    while True:
        account = _account(user_id, provider.id, provider_account_id, options)
        token = _good_token(account, options)
        if token is not None:
            return token
        now = options.clock()
        if has_waited and account.refreshing_until is None:
            raise ProviderUnavailable("whoever asked the provider came back without tokens")
        if not is_leased(account, now, now + LEASE_SECONDS) and options.adapter.lease_refresh(
            account, now, now + LEASE_SECONDS
        ):
            return _renew(provider, account, now + LEASE_SECONDS, options)
        if time.monotonic() > deadline:
            raise ProviderUnavailable("somebody else is still asking the provider")
        has_waited = True
        # Jitter, so that those who wait do not all look in the same moment.
        time.sleep(random.uniform(0.03, 0.12))  # noqa: S311 (chance, not a secret)


def _account(user_id: str, provider_id: str, named: str | None, options: Options) -> Account:
    accounts = [
        account
        for account in options.adapter.list_accounts(user_id)
        if account.provider == provider_id and named in (None, account.provider_account_id)
    ]
    connected = [account for account in accounts if "refresh_token" in account.tokens or _good_token(account, options)]
    for account in (*connected, *accounts):
        if account.tokens:
            return account
    raise ReconnectRequired(provider_id, "not connected")


def _good_token(account: Account, options: Options) -> str | None:
    token, expires_at = account.tokens.get("access_token"), account.tokens.get("expires_at")
    if token is None or (expires_at is not None and expires_at <= options.clock() + GOOD_FOR_SECONDS):
        return None
    return str(token)


def _renew(provider: Provider, account: Account, until: float, options: Options) -> str:
    """The token after a refresh under our lease, which is over when this returns or raises."""
    try:
        # Looked at once more: whoever had the lease before us may have been done just before we took it.
        account = _account(account.user_id or "", provider.id, account.provider_account_id, options)
        return _good_token(account, options) or _ask(provider, account, options)
    finally:
        with suppress(StoreError):
            options.adapter.release_refresh(account, until)


def _ask(provider: Provider, account: Account, options: Options) -> str:
    spent = account.tokens.get("refresh_token")
    try:
        if spent is None:
            raise ReconnectRequired(provider.id, "expired, and there is no refresh token")
        renewed = replace(account, tokens=oauth.refresh(provider, account, options))
    except ReconnectRequired as error:
        return _end(account, spent, error, options)
    try:
        if not options.adapter.replace_tokens(renewed, spent):
            return _overtaken(account, options)
    except StoreError:
        # Not with exc_info: the error of the driver behind this one can quote the tokens.
        _log.error("new tokens could not be stored", extra={"provider": provider.id, "user": account.user_id})
    return str(renewed.tokens["access_token"])


def _end(account: Account, spent: str | None, error: ReconnectRequired, options: Options) -> str:
    """The connection is over, unless the user has made a new one in the meantime."""
    if not options.adapter.replace_tokens(replace(account, tokens={}), spent):
        return _overtaken(account, options)
    _log.warning(
        "connection lost",
        extra={"event": "connection-lost", "provider": account.provider, "user": account.user_id, "why": str(error)},
    )
    news = Activity(at=int(options.clock()), kind="connection-lost", provider=account.provider)
    story.note(account.user_id or "", news, options)
    raise error


def _overtaken(account: Account, options: Options) -> str:
    """The token of whoever signed in there while we asked."""
    account = _account(account.user_id or "", account.provider, account.provider_account_id, options)
    token = _good_token(account, options)
    if token is None:
        raise ProviderUnavailable("the account changed while it was being renewed")
    return token
