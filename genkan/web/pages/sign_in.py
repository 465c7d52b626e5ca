"""The sign-in page: every way to sign in that is on."""

from __future__ import annotations

from typing import NamedTuple

from flask import Response

from genkan.actions.callback_url import callback_url, callback_url_cookie
from genkan.actions.last_used import last_used
from genkan.core import Core
from genkan.http.messages import ActionResponse
from genkan.http.urls import add_query, relative_url
from genkan.providers.base import Provider
from genkan.types import User
from genkan.web.context import app_state, auth, get_core, queue_cookies, session_result
from genkan.web.convert import to_request, to_response
from genkan.web.error_messages import Message, error_message, without_mail
from genkan.web.pages.errors import render_form
from genkan.web.server_actions import linked_providers
from genkan.web.urls.loopback import at_origin

SHOWN = 6
"""Buttons of providers that the page shows. The others are behind "More"."""


class SignInMethod(NamedTuple):
    """A way to sign in as Auth.js's clients know it."""

    id: str
    name: str
    type: str


def sign_in_methods(core: Core) -> list[SignInMethod]:
    """Return the enabled providers in order, then mail, passwords and passkeys if they are on."""
    methods = [SignInMethod(provider.id, provider.name, provider.type) for provider in core.providers.values()]
    if core.email is not None:
        methods.append(SignInMethod("email", "E-mail", "email"))
    if core.credentials_fields is not None:
        methods.append(SignInMethod("credentials", "Password", "credentials"))
    if core.passkeys is not None:
        methods.append(SignInMethod("passkey", "Passkey", "webauthn"))
    return methods


@at_origin
def sign_in_page() -> Response:
    """`GET /api/auth/signin`: all ways to sign in, or a redirect to the application's own page.

    With `reason=fresh`, the signed-in user confirms their identity: only the ways that the user has are shown.
    """
    core, request = get_core(), to_request()
    error, reason = request.query.get("error"), request.query.get("reason")
    if core.pages.sign_in:
        url = callback_url(request, core)
        queue_cookies(*callback_url_cookie(url, request, core))
        query = {"callbackUrl": url, "error": error or None, "reason": reason or None}
        return to_response(ActionResponse(location=add_query(core.page_url(core.pages.sign_in), query)))
    return render_sign_in(error_message(error, reason) if error else None)


def render_sign_in(message: Message | None, *, email: str = "", unknown_passkey: str = "") -> Response:
    """Render the sign-in page with this message, and with the address that was typed.

    `unknown_passkey` is the id of a passkey that is not stored here, which the browser then no longer offers.
    """
    core, request = get_core(), to_request()
    if message is not None and core.email is None:
        message = without_mail(message)
    url = callback_url(request, core)
    queue_cookies(*callback_url_cookie(url, request, core))
    is_fresh = "fresh" in (request.query.get("reason"), request.query.get("purpose"), request.body.get("purpose"))
    linked, last = linked_providers(core) if is_fresh else None, last_used(request, core)
    response = render_form(
        "genkan/sign_in.html",
        message,
        providers=_in_order(list(core.providers.values()) if linked is None else linked, last),
        is_fresh=linked is not None,
        callback_url=relative_url(url, core.origin),
        session=auth(),
        fields=core.credentials_fields,
        has_own_check=core.authorize is not None,
        last_used=last,
        shown=SHOWN,
        has_passkeys=_has_passkeys(core, is_fresh=linked is not None),
        purpose="fresh" if linked is not None else None,
        rp_id=core.passkeys.rp_id if core.passkeys else None,
        unknown_passkey=unknown_passkey,
        # After an error that sign-in may be over, and the page must not need the database.
        is_waiting=message is None and _is_waiting(core),
        notice=request.query.get("notice"),
        **(_address(core, email) if linked is None else _own_address(core)),
    )
    response.headers["Content-Security-Policy"] = app_state().headers.sign_in_policy
    return response


def _in_order(providers: list[Provider], last: str | None) -> list[Provider]:
    """Return the providers, with the one that was used last at the front if it would not be among the shown ones."""
    is_hidden = any(provider.id == last for provider in providers[SHOWN:])
    return sorted(providers, key=lambda provider: provider.id != last) if is_hidden else providers


def _address(core: Core, email: str) -> dict[str, object]:
    """Return the variables of the form for any address."""
    return {
        "email": email,
        "has_email": core.email is not None,
        "has_passwords": core.credentials_fields is not None,
        "can_sign_up": core.passwords is not None,
    }


def _own_address(core: Core) -> dict[str, object]:
    """Return the variables of the form for the verified address of the signed-in user, with a password if the user has one.

    Raises AdapterError.
    """
    user = None if core.email is None else core.adapter.get_user(session_result().user_id or "")
    has_address = user is not None and user.email_verified is not None
    return {
        "email": user.email if user is not None and has_address else "",
        "has_email": has_address,
        # Only the application knows who has a password that it checks itself.
        "has_passwords": core.authorize is not None or (user is not None and has_address and _has_password(user, core)),
        "can_sign_up": False,
    }


def _has_password(user: User, core: Core) -> bool:
    return core.passwords is not None and core.passwords.store.password(user.id) is not None


def _is_waiting(core: Core) -> bool:
    """Return True if a sign-in in this browser waits for its second factor. Raises AdapterError."""
    factor = core.second_factor
    id_hash = factor.pending.id_hash(to_request().cookies) if factor is not None else None
    return factor is not None and id_hash is not None and factor.store.pending(id_hash) is not None


def _has_passkeys(core: Core, *, is_fresh: bool) -> bool:
    """Return True if passkeys are on, and if the signed-in user has one where the identity is to be confirmed."""
    if core.passkeys is None or not is_fresh:
        return core.passkeys is not None
    user_id = session_result().user_id
    return bool(user_id and core.passkeys.store.list(user_id))
