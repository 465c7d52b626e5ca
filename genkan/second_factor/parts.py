"""The parts of second factors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genkan.adapters.addresses import LimitStore
from genkan.adapters.second_factors import SecondFactorStore
from genkan.second_factor.devices import TrustedDevices
from genkan.second_factor.pending import PendingSignIns
from genkan.second_factor.recovery import RecoveryCodes
from genkan.second_factor.totp import SecretSealer
from genkan.types import User


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """Second factors of one application."""

    store: SecondFactorStore
    limits: LimitStore
    sealer: SecretSealer
    recovery: RecoveryCodes
    devices: TrustedDevices
    pending: PendingSignIns
    qr_code: Callable[[str], str]
    """Returns the SVG of a QR code."""
    required: Literal["all"] | tuple[str, ...] = ()
    """The roles whose users need a second factor, or `all`."""

    def is_required(self, user: User) -> bool:
        """Return True if this user, whose role is current, needs a second factor."""
        return self.required == "all" or user.role in self.required

    def is_on(self, user_id: str) -> bool:
        """Return True if the user has a second factor. Raises AdapterError."""
        stored = self.store.totp(user_id)
        return stored is not None and stored.secret is not None
