"""The way back from a provider's own sign-out: where somebody wanted to land, sealed in a cookie bound to a state (O19).

Coming back with anything else, or twice, is harmless: they are signed out here already, and land on the front page.
"""

from __future__ import annotations

import hmac
import secrets

from genkan.core import Core
from genkan.errors import TokenError
from genkan.http.cookies import CHUNK_CHARACTERS, clear, read
from genkan.http.messages import Cookie

LOGOUT_STATE_MAX_AGE = 900
"""How long somebody may take at the provider."""

_RANDOM_BYTES = 32


def create_logout_state(landing: str, options: Core) -> tuple[str, Cookie]:
    """A state to send along, and the cookie that says where it leads."""
    state = secrets.token_urlsafe(_RANDOM_BYTES)
    sealed = _seal(state, landing, options)
    if len(sealed) > CHUNK_CHARACTERS:
        # Browsers would not keep it (T3).
        sealed = _seal(state, options.origin, options)
    cookie = Cookie(
        options.cookie_names.sign_out,
        sealed,
        options.secure,
        max_age=LOGOUT_STATE_MAX_AGE,
        expires=options.clock() + LOGOUT_STATE_MAX_AGE,
    )
    return state, cookie


def use_logout_state(state: str | None, cookie_header: str, options: Core) -> tuple[str, tuple[Cookie, ...]]:
    """Where this state leads in this browser, the front page where it leads nowhere; and Set-Cookies that forget it."""
    name = options.cookie_names.sign_out
    sealed = read(cookie_header, name)
    if sealed is None:
        return options.origin, ()
    return _landing(sealed, state or "", options), clear((name,), secure=options.secure)


def _seal(state: str, landing: str, options: Core) -> str:
    return options.logout_sealer.seal({"state": state, "landing": landing}, LOGOUT_STATE_MAX_AGE)


def _landing(sealed: str, state: str, options: Core) -> str:
    try:
        claims = options.logout_sealer.open(sealed)
    except TokenError:
        return options.origin
    is_ours = hmac.compare_digest(str(claims.get("state")).encode(), state.encode())
    return str(claims["landing"]) if is_ours and "landing" in claims else options.origin
