"""Add sign-in with passkeys to a core, if the settings turn it on."""

from __future__ import annotations

import logging
from dataclasses import replace

from genkan.adapters.stores import Stores
from genkan.core import Core
from genkan.crypto.sealer import Sealer
from genkan.errors import ConfigurationError
from genkan.settings.environment import Settings

_log = logging.getLogger("genkan.extension")


def with_passkeys(core: Core, settings: Settings, stores: Stores) -> Core:
    """Return the core with passkeys if AUTH_PASSKEYS is on. Raises ConfigurationError if something is missing for them."""
    if not settings.passkeys.is_on:
        return core
    if stores.passkeys is None:
        raise ConfigurationError("AUTH_PASSKEYS: it needs a database of Genkan or of the application. Remove it.")
    if core.json_only:
        raise ConfigurationError("AUTH_PASSKEYS: it needs pages, and Genkan(pages=False) has none. Remove one.")
    # Imported here, because an application without passkeys needs none of it.
    from genkan.passkey.challenges import Challenges  # noqa: PLC0415
    from genkan.passkey.parts import PasskeySignIn, rp_id_of  # noqa: PLC0415
    from genkan.passkey.verification import require_library  # noqa: PLC0415

    require_library()
    host = rp_id_of(core.origin)
    if host is None:
        _log.warning(
            "AUTH_URL: browsers have no passkeys at this address, so they are off. Set it to one with https, or to "
            "http://localhost."
        )
        return replace(core, passkeys_are_blocked=True)
    challenges = Challenges(
        Sealer(settings.secrets, "genkan.passkey", core.clock),
        core.cookie_names.passkey_prefix,
        core.secure,
        core.clock,
    )
    rp_id = settings.passkeys.rp_id or host
    _log.info("passkeys are bound to %s", rp_id, extra={"event": "passkeys-on"})
    return replace(core, passkeys=PasskeySignIn(store=stores.passkeys, challenges=challenges, rp_id=rp_id))
