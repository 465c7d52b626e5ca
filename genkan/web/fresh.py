"""`@fresh(within=300)`: for views that want to know that it is still the person who signed in (S12)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, current_app

from genkan.core import Core
from genkan.errors import ConfigurationError
from genkan.http.urls import add_query
from genkan.oauth.reauthentication import is_fresh
from genkan.providers.base import Provider
from genkan.types import str_claim
from genkan.web.access import deny, unauthorized
from genkan.web.context import session_result, sign_in_url
from genkan.web.state import state

View = TypeVar("View", bound=Callable[..., Any])


def fresh(*, within: int) -> Callable[[View], View]:
    """Let only those visit this view who proved themselves to a provider in the last `within` seconds.

    Stands below the route. Anybody else is refused as by `require_fresh`, before anything of the view has run.
    """
    _check(within)

    def decorate(view: View) -> View:
        @wraps(view)
        def asked(*args: Any, **kwargs: Any) -> Any:
            refusal = require_fresh(within)
            return current_app.ensure_sync(view)(*args, **kwargs) if refusal is None else refusal

        return cast("View", asked)

    return decorate


def require_fresh(within: int) -> Response | None:
    """None if whoever is signed in proved themselves in the last `within` seconds, else the answer that asks for it.

    Somebody signed out gets the guard's own refusal. The others: 401 JSON with `"reason": "fresh"`, 401 with
    HX-Redirect, or 303, each to the sign-in page that lets the same person confirm that it is them.
    """
    _check(within)
    known, options = session_result().known, state().core
    if known is None:
        return unauthorized()
    if is_fresh(known.token, within, options.clock()):
        return None
    way = add_query(sign_in_url(), {"reason": "fresh"})
    return deny(401, {"error": "Unauthorized", "reason": "fresh"}, "Confirm that it is you to continue.", way)


def linked_providers(options: Core) -> list[Provider] | None:
    """The providers with which whoever is signed in can prove that it is them; None if nobody is. Raises StoreError."""
    known = session_result().known
    user_id = None if known is None else str_claim(known.token, "sub")
    if known is None:
        return None
    theirs = {account.provider for account in options.adapter.list_accounts(user_id)} if user_id else set()
    return [provider for provider in options.providers.values() if provider.id in theirs]


def _check(within: int) -> None:
    if within <= 0:
        raise ConfigurationError(f"fresh(within={within}): nobody is that fresh. Give it some seconds, such as 300.")
