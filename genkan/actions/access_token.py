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

from genkan.adapters import is_refresh_locked
from genkan.adapters.sessions import Activity
from genkan.core import Core
from genkan.errors import AdapterError, InvalidProvider, ProviderUnavailable, ReauthorizationRequired
from genkan.oauth import client
from genkan.providers.base import Provider
from genkan.session import activity
from genkan.types import Account

LOCK_SECONDS = 20
"""How long one caller alone may ask: longer than asking (`oauth.VISIT_SECONDS`) and a slow store's two writes can take, so
that nobody asks twice; after this time one who died in the middle stands in nobody's way."""

MIN_VALIDITY = 30
"""A token that ends sooner is renewed now: it has to arrive somewhere and be of use there."""

WAIT_TIMEOUT = 5.0
"""How long a caller waits for the one who asks: a provider that hangs is not to hold every thread (F6)."""

_log = logging.getLogger("genkan.crypto.sealer")


def access_token(user_id: str, provider_id: str, options: Core, *, provider_account_id: str | None = None) -> str:
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
    has_waited, deadline = False, time.monotonic() + WAIT_TIMEOUT
    while True:
        account = _account(user_id, provider.id, provider_account_id, options)
        token = _good_token(account, options)
        if token is not None:
            return token
        now = options.clock()
        if has_waited and account.refresh_locked_until is None:
            raise ProviderUnavailable("whoever asked the provider came back without tokens")
        if not is_refresh_locked(account, now, now + LOCK_SECONDS) and options.adapter.acquire_refresh_lock(
            account, now, now + LOCK_SECONDS
        ):
            return _renew(provider, account, now + LOCK_SECONDS, options)
        if time.monotonic() > deadline:
            raise ProviderUnavailable("somebody else is still asking the provider")
        has_waited = True
        # Jitter, so that those who wait do not all look in the same moment.
        time.sleep(random.uniform(0.03, 0.12))  # noqa: S311 (chance, not a secret)


def _account(user_id: str, provider_id: str, named: str | None, options: Core) -> Account:
    accounts = [
        account
        for account in options.adapter.list_accounts(user_id)
        if account.provider == provider_id and named in (None, account.provider_account_id)
    ]
    connected = [account for account in accounts if "refresh_token" in account.tokens or _good_token(account, options)]
    for account in (*connected, *accounts):
        if account.tokens:
            return account
    raise ReauthorizationRequired(provider_id, "not connected")


def _good_token(account: Account, options: Core) -> str | None:
    token, expires_at = account.tokens.get("access_token"), account.tokens.get("expires_at")
    if token is None or (expires_at is not None and expires_at <= options.clock() + MIN_VALIDITY):
        return None
    return str(token)


def _renew(provider: Provider, account: Account, until: float, options: Core) -> str:
    """The token after a refresh under our lease, which is over when this returns or raises."""
    try:
        # Looked at once more: whoever had the lease before us may have been done just before we took it.
        account = _account(account.user_id or "", provider.id, account.provider_account_id, options)
        return _good_token(account, options) or _ask(provider, account, options)
    finally:
        with suppress(AdapterError):
            options.adapter.release_refresh_lock(account, until)


def _ask(provider: Provider, account: Account, options: Core) -> str:
    spent = account.tokens.get("refresh_token")
    try:
        if spent is None:
            raise ReauthorizationRequired(provider.id, "expired, and there is no refresh token")
        renewed = replace(account, tokens=client.refresh(provider, account, options))
    except ReauthorizationRequired as error:
        return _end(account, spent, error, options)
    try:
        if not options.adapter.update_tokens(renewed, spent):
            return _overtaken(account, options)
    except AdapterError:
        # Not with exc_info: the error of the driver behind this one can quote the tokens.
        _log.error("new tokens could not be stored", extra={"provider": provider.id, "user": account.user_id})
    return str(renewed.tokens["access_token"])


def _end(account: Account, spent: str | None, error: ReauthorizationRequired, options: Core) -> str:
    """The connection is over, unless the user has made a new one in the meantime."""
    if not options.adapter.update_tokens(replace(account, tokens={}), spent):
        return _overtaken(account, options)
    _log.warning(
        "connection lost",
        extra={"event": "connection-lost", "provider": account.provider, "user": account.user_id, "why": str(error)},
    )
    news = Activity(at=int(options.clock()), kind="connection-lost", provider=account.provider)
    activity.record_activity(account.user_id or "", news, options)
    raise error


def _overtaken(account: Account, options: Core) -> str:
    """The token of whoever signed in there while we asked."""
    account = _account(account.user_id or "", account.provider, account.provider_account_id, options)
    token = _good_token(account, options)
    if token is None:
        raise ProviderUnavailable("the account changed while it was being renewed")
    return token
