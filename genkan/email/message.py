"""A mail to one recipient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail to one recipient, as text and as HTML."""

    to: str
    """One normalised address."""
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


SendMail = Callable[[Mail], None]
"""Delivers a mail. Raises an exception if that fails. Then it is called again later."""
