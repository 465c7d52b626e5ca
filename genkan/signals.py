"""Blinker signals with the meaning of Auth.js's events.

An exception in a receiver is logged and does not affect the request.
"""

from __future__ import annotations

import logging

from blinker import NamedSignal, Namespace

_signals = Namespace()
_log = logging.getLogger("genkan.signals")

signed_in = _signals.signal("signed-in")
"""Sent after a sign-in with `user: User`, `account: Account`, `profile: Profile` and `is_new_user: bool`."""

signed_out = _signals.signal("signed-out")
"""Sent after a sign-out with `token: Token`."""

session_revoked = _signals.signal("session-revoked")
"""Sent with `record: SessionRecord` after one recorded session was revoked. `record.revocation_reason` says why."""

sessions_revoked = _signals.signal("sessions-revoked")
"""Sent with `user_id: str | None`, `except_sid: str | None` and `reason: str` after every session of a user was revoked,
except one, or with the user id None after the sessions of all users were."""

user_created = _signals.signal("user-created")
"""Sent with `user: User` after a user was created at the first sign-in."""

account_linked = _signals.signal("account-linked")
"""Sent with `user: User`, `account: Account` and `profile: Profile` after an account was linked, including the first
account of a new user."""

address_changed = _signals.signal("address-changed")
"""Sent with `user: User` after a user has proven another address, or has restored the one of before."""

session = _signals.signal("session")
"""Sent with `session: Session` and `token: Token`, once for each request that reads a session and has one."""


def send(signal: NamedSignal, **kwargs: object) -> None:
    """Call every receiver of the signal. An exception in one is logged, and the other receivers are still called."""
    if not signal.receivers:
        return
    for receiver in signal.receivers_for(None):
        try:
            receiver(None, **kwargs)
        except Exception as error:  # noqa: BLE001 (a receiver is application code, and its failure must not fail the request)
            _log.error("signal receiver failed", extra={"signal": signal.name, "error": type(error).__name__})
