"""Where our forms may lead by redirect, which browsers hold against `form-action` as well (H1).

As long as a provider has not been asked for its metadata, its addresses are unknown and any https address will do;
afterwards only the origin it named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from genkan.discovery import Metadata, known_metadata
from genkan.flask.state import State
from genkan.options import Options
from genkan.providers.base import Provider
from genkan.redirects import origin_of

HELD_SECONDS = 10
"""How long a worker goes by what it knew of sign-outs, as every page of somebody who is signed in asks for it."""

_SOURCE = re.compile(r"https?://[a-z0-9._:\[\]-]+")
"""What can be said in a policy; a provider's metadata might name a host that would end the directive."""

Endpoint = Callable[[Metadata], str | None]


def everywhere(house: State) -> list[str]:
    """Beyond our own origin, for a page with the sign-in forms on it."""
    signing_in = _targets(house.options.providers.values(), lambda known: known.authorization_endpoint, house.options)
    return sorted(signing_in | set(of_sign_out(house)))


def of_sign_out(house: State) -> tuple[str, ...]:
    """Beyond our own origin, for any page that somebody who is signed in can sign out from."""
    if not house.signs_out_elsewhere:
        return ()
    now = house.options.clock()
    found = house.sign_out_targets
    if found is None or not 0 <= now - found[0] < HELD_SECONDS:
        targets = _targets(house.signs_out_elsewhere, lambda known: known.end_session_endpoint, house.options)
        house.sign_out_targets = found = (now, tuple(sorted(targets)))
    return found[1]


def _targets(providers: Iterable[Provider], endpoint: Endpoint, options: Options) -> set[str]:
    targets: set[str] = set()
    for provider in providers:
        metadata = known_metadata(provider, options)
        if metadata is None:
            targets |= {"https:", origin_of(provider.issuer or "") or "https:"}
        else:
            targets.add(origin_of(endpoint(metadata) or "") or options.origin)
    return {target for target in targets if target == "https:" or _SOURCE.fullmatch(target)} - {options.origin}
