"""Add second factors to a core, if the settings turn them on."""

from __future__ import annotations

from dataclasses import replace

from genkan.adapters.stores import Stores
from genkan.core import Core
from genkan.errors import ConfigurationError
from genkan.settings.environment import Settings


def with_second_factor(core: Core, settings: Settings, stores: Stores) -> Core:
    """Return the core with second factors, if AUTH_TOTP is on. Raises ConfigurationError if something is missing for it."""
    if not settings.second_factor.totp:
        return core
    if stores.local is None or stores.factors is None:
        raise ConfigurationError(
            "AUTH_TOTP is on, but a second factor needs a database of Genkan or of the application. Remove it."
        )
    if core.json_only:
        raise ConfigurationError(
            "AUTH_TOTP is on, but a second factor needs pages, and Genkan(pages=False) has none. Remove one."
        )
    # Imported here, because an application without second factors needs none of it.
    from genkan.second_factor.devices import TrustedDevices  # noqa: PLC0415
    from genkan.second_factor.parts import SecondFactor  # noqa: PLC0415
    from genkan.second_factor.pending import PendingSignIns  # noqa: PLC0415
    from genkan.second_factor.qr_code import svg  # noqa: PLC0415
    from genkan.second_factor.recovery import RecoveryCodes  # noqa: PLC0415
    from genkan.second_factor.totp import SecretSealer  # noqa: PLC0415

    names, secrets = core.cookie_names, settings.secrets
    factor = SecondFactor(
        store=stores.factors,
        limits=stores.local.limits,
        sealer=SecretSealer(secrets),
        recovery=RecoveryCodes(secrets),
        devices=TrustedDevices(names.trusted, core.secure, core.clock),
        pending=PendingSignIns.of(secrets, cookie_name=names.second, secure=core.secure, clock=core.clock),
        qr_code=svg,
        required=settings.second_factor.required,
    )
    return replace(core, second_factor=factor)
