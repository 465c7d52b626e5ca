"""Access tokens of providers, refreshed once however many requests ask at the same time.

An expired token is refreshed under a lock, a column of the account. One caller in one worker holds it and asks the
provider. The others wait until the new tokens are stored.
"""

from __future__ import annotations

import logging
import random
import time
from contextlib import suppress
from dataclasses import replace

from genkan.adapters import is_refresh_locked
from genkan.core import Core
from genkan.errors import AdapterError, InvalidProvider, ProviderUnavailable, ReauthorizationRequired
from genkan.providers.base import Provider
from genkan.session.activity import log_activity
from genkan.types import Account

LOCK_SECONDS = 20
"""Seconds. Longer than a refresh (`client.PROVIDER_TIMEOUT`) and two writes to a slow database take. The lock of a worker
that died expires after this time."""

MIN_VALIDITY = 30
"""Seconds. A token that expires sooner is refreshed now, since it takes time to use it."""

WAIT_TIMEOUT = 5.0
"""Seconds that a caller waits for the one that refreshes, so that a provider that hangs does not occupy every thread."""

_log = logging.getLogger("genkan.access_token")


def access_token(user_id: str, provider_id: str, core: Core, *, provider_account_id: str | None = None) -> str:
    """Return an access token of this provider for this user that is valid for MIN_VALIDITY seconds at least.

    Of several accounts at the provider, the first that has a token is used, or the one with `provider_account_id`.
    Raises ReauthorizationRequired if the user has to sign in there again, ProviderUnavailable or ProviderError if the
    refresh failed for now, InvalidProvider if the provider is not enabled, AdapterError.

    If the store fails while it saves refreshed tokens, this logs an error and returns the new access token. The store
    then still holds the old refresh token, so the next call may raise ReauthorizationRequired.
    """
    provider = core.providers.get(provider_id)
    if provider is None:
        raise InvalidProvider(provider_id)
    has_waited, deadline = False, time.monotonic() + WAIT_TIMEOUT
    while True:
        account = _account(user_id, provider.id, provider_account_id, core)
        token = _valid_token(account, core)
        if token is not None:
            return token
        if has_waited and account.refresh_locked_until is None:
            raise ProviderUnavailable("another request tried to refresh the tokens and failed")
        now = core.clock()
        locked_until = now + LOCK_SECONDS
        is_free = not is_refresh_locked(account, now, locked_until)
        if is_free and core.adapter.acquire_refresh_lock(account, now, locked_until):
            return _refresh_locked(provider, account, locked_until, core)
        if time.monotonic() > deadline:
            raise ProviderUnavailable("another request is still refreshing the tokens")
        has_waited = True
        # Jitter, so that the callers that wait do not all query at the same moment.
        time.sleep(random.uniform(0.03, 0.12))  # noqa: S311 (not a secret)


def _account(user_id: str, provider_id: str, provider_account_id: str | None, core: Core) -> Account:
    accounts = [
        account
        for account in core.adapter.list_accounts(user_id)
        if account.provider == provider_id and provider_account_id in (None, account.provider_account_id)
    ]
    connected = [account for account in accounts if "refresh_token" in account.tokens or _valid_token(account, core)]
    for account in (*connected, *accounts):
        if account.tokens:
            return account
    raise ReauthorizationRequired(provider_id, "not connected")


def _valid_token(account: Account, core: Core) -> str | None:
    token, expires_at = account.tokens.get("access_token"), account.tokens.get("expires_at")
    if token is None or (expires_at is not None and expires_at <= core.clock() + MIN_VALIDITY):
        return None
    return str(token)


def _refresh_locked(provider: Provider, account: Account, locked_until: float, core: Core) -> str:
    """Refresh under the lock that this caller holds, and release it."""
    try:
        # Loaded again: the caller that held the lock before may have stored new tokens just before.
        account = _account(account.user_id or "", provider.id, account.provider_account_id, core)
        return _valid_token(account, core) or _refresh(provider, account, core)
    finally:
        with suppress(AdapterError):
            core.adapter.release_refresh_lock(account, locked_until)


def _refresh(provider: Provider, account: Account, core: Core) -> str:
    old_refresh_token = account.tokens.get("refresh_token")
    try:
        if old_refresh_token is None:
            raise ReauthorizationRequired(provider.id, "expired, and there is no refresh token")
        refreshed = replace(account, tokens=core.oauth.refresh(provider, account))
    except ReauthorizationRequired as error:
        return _disconnect(account, old_refresh_token, error, core)
    try:
        if not core.adapter.update_tokens(refreshed, old_refresh_token):
            return _token_of_new_sign_in(account, core)
    except AdapterError:
        # Without exc_info: the driver's error can quote the tokens.
        _log.error("new tokens could not be stored", extra={"provider": provider.id, "user": account.user_id})
    return str(refreshed.tokens["access_token"])


def _disconnect(account: Account, old_refresh_token: str | None, error: ReauthorizationRequired, core: Core) -> str:
    """Delete the tokens and raise `error`, unless the user has signed in at the provider again since."""
    if not core.adapter.update_tokens(replace(account, tokens={}), old_refresh_token):
        return _token_of_new_sign_in(account, core)
    extra = {"event": "connection-lost", "provider": account.provider, "user": account.user_id, "detail": str(error)}
    _log.warning("connection to the provider lost", extra=extra)
    log_activity(account.user_id or "", "connection-lost", core.sessions, provider=account.provider)
    raise error


def _token_of_new_sign_in(account: Account, core: Core) -> str:
    account = _account(account.user_id or "", account.provider, account.provider_account_id, core)
    token = _valid_token(account, core)
    if token is None:
        raise ProviderUnavailable("the account changed while its tokens were refreshed")
    return token
