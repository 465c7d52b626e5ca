"""What happened, for whoever wants to know: blinker signals with Auth.js's events' meaning.

A receiver that fails is logged and changes nothing: an event is news, not a decision.
"""

from __future__ import annotations

import logging

from blinker import NamedSignal, Namespace

_signals = Namespace()
_log = logging.getLogger("genkan.signals")

signed_in = _signals.signal("signed-in")
"""Sent with user: User, account: Account, profile: Profile, is_new_user: bool, when somebody has signed in."""

signed_out = _signals.signal("signed-out")
"""Sent with token: Token, when a session was signed out."""

session_revoked = _signals.signal("session-ended")
"""Sent with record: SessionRecord, when a session that has a record was ended, for whatever reason (`revocation_reason`)."""

user_created = _signals.signal("user-created")
"""Sent with user: User, at somebody's first sign-in."""

account_linked = _signals.signal("account-linked")
"""Sent with user: User, account: Account, profile: Profile, when an account joins a user; also the first one."""

session = _signals.signal("session-read")
"""Sent with session: Session, token: Token, once in each request that asked and found one."""


def send(signal: NamedSignal, **kwargs: object) -> None:
    """Tell every receiver; one that raises is logged by its class and does not keep the others from hearing."""
    if not signal.receivers:
        return
    for receiver in signal.receivers_for(None):
        try:
            receiver(None, **kwargs)
        except Exception as error:  # noqa: BLE001 (the receiver is somebody else's code; the visitor's path goes on)
            _log.error("event receiver failed", extra={"event": signal.name, "error": type(error).__name__})
