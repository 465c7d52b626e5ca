"""Add the application's own check of credentials to a core."""

from __future__ import annotations

from dataclasses import replace

from genkan.adapters.stores import Stores
from genkan.core import Core
from genkan.errors import ConfigurationError
from genkan.settings.environment import Settings


def with_authorize(core: Core, settings: Settings, stores: Stores, fields: tuple[str, str]) -> Core:
    """Return the core with the `authorize` callback, if the application has registered one.

    Raises ConfigurationError if passwords are on as well: one form would have two checks, and a password that was
    replaced in one of them would still work in the other.
    """
    authorize = core.callbacks.authorize
    if authorize is None:
        return core
    if settings.passwords:
        raise ConfigurationError(
            "AUTH_PASSWORDS is on, but @accounts.authorize checks passwords already. Remove one of the two."
        )
    # Imported here, because an application without it needs none of it.
    from genkan.adapters.memory_limits import MemoryLimitStore  # noqa: PLC0415
    from genkan.http.known_browsers import KnownBrowsers  # noqa: PLC0415
    from genkan.password.parts import AuthorizeSignIn, Fields  # noqa: PLC0415
    from genkan.password.throttle import PasswordThrottle  # noqa: PLC0415

    limits = MemoryLimitStore(core.clock) if stores.local is None else stores.local.limits
    way = AuthorizeSignIn(
        authorize=authorize,
        throttle=PasswordThrottle(limits),
        known=KnownBrowsers(settings.secrets),
        fields=Fields(*fields),
    )
    return replace(core, authorize=way)
