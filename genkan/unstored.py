"""Token answers that the store has not taken yet: a rotated refresh token is the only one there is (O18, F21)."""

from __future__ import annotations

import logging
import time
from threading import Lock, Thread

from genkan.adapters import Adapter
from genkan.errors import StoreError
from genkan.identity import Account

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two tries to store an answer."""

_log = logging.getLogger("genkan.tokens")

_Key = tuple[str, str]


class Unstored:
    """Keeps each answer in this process until it is stored; a thread of its own tries as long as that takes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[_Key, tuple[Account, str | None]] = {}

    def keep(self, account: Account, spent: str | None, adapter: Adapter) -> None:
        """`account.tokens` came for the refresh token `spent` and could not be stored."""
        with self._lock:
            self._kept[_key(account)] = (account, spent)
        Thread(target=self._try_on, args=(account, adapter), name="genkan-unstored", daemon=True).start()

    def get(self, account: Account) -> Account | None:
        """That account with the tokens that wait for the store; None when none do."""
        kept = self._kept.get(_key(account))
        return kept[0] if kept and kept[0].user_id == account.user_id else None

    def store(self, account: Account, adapter: Adapter) -> None:
        """Store what waits for that account, or raise StoreError; nothing happens when nothing does."""
        kept = self._kept.get(_key(account))
        if kept is None:
            return
        if not adapter.replace_tokens(*kept):
            _log.warning("kept tokens were overtaken", extra={"provider": account.provider})
        with self._lock:
            if self._kept.get(_key(account)) is kept:
                del self._kept[_key(account)]

    def _try_on(self, account: Account, adapter: Adapter) -> None:
        pause = FIRST_PAUSE
        while True:
            time.sleep(pause)
            try:
                return self.store(account, adapter)
            except StoreError:
                pause = min(2 * pause, LONGEST_PAUSE)


def _key(account: Account) -> _Key:
    return account.provider, account.provider_account_id
