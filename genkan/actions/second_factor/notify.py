"""Tell a user by mail about a change of the second factor, or a passkey that may have been copied."""

from __future__ import annotations

from typing import Literal

from genkan.actions.password.change import tell
from genkan.core import Core
from genkan.types import User

Change = Literal[
    "second-factor-on",
    "second-factor-off",
    "recovery-codes-made",
    "recovery-code-used",
    "second-factor-reset",
    "passkey-counter",
]


def notify(change: Change, user: User, core: Core, *, left: int | None = None) -> None:
    """Send a mail, if mails can be sent and the address is the user's own. Never raises: the change has been made."""
    if core.email is not None:
        tell("second_factor", user, core, core.email, change=change, left="" if left is None else str(left))
