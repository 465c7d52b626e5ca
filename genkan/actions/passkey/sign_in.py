"""`POST /api/auth/callback/passkey` with `action=authenticate`: sign in with a passkey."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from genkan.actions.callback_url import callback_url, callback_url_cookie
from genkan.actions.complete_sign_in import authorize_sign_in, client_of, start_session
from genkan.actions.passkey.challenge import use_challenge
from genkan.actions.second_factor.complete import find_waiting, finish
from genkan.actions.second_factor.notify import notify
from genkan.adapters import NO_PROFILE
from genkan.adapters.passkeys import PROVIDER, Passkey
from genkan.core import Core
from genkan.errors import AccountMismatch, UnknownPasskey, WebAuthnVerificationError
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.passkey.challenges import Challenge
from genkan.passkey.credential import Credential, decode, require_handle
from genkan.passkey.parts import PasskeySignIn
from genkan.passkey.verification import verify_assertion
from genkan.second_factor.parts import SecondFactor
from genkan.session import reader
from genkan.session.activity import log_activity, log_denials
from genkan.types import Account, ProviderIdentity, User

AMR = ("pop", "user", "mfa")
"""How the user has authenticated (RFC 8176): a key that the device holds, and its check of the user, which are two
factors."""

_log = logging.getLogger("genkan.passkey")


def sign_in(request: ActionRequest, core: Core, passkeys: PasskeySignIn) -> ActionResponse:
    """Sign in the owner of the passkey and redirect to the callback URL. The CSRF token has been verified.

    With `purpose=fresh` in the form, confirm the identity of the signed-in user. Raises WebAuthnVerificationError,
    UnknownPasskey, other AuthErrors and AdapterError. Then no session has changed.
    """
    credential, challenge = use_challenge(request, core, passkeys)
    current_id = reader.user_id_of(request.cookies, core.sessions)
    is_step_up = bool(current_id) and request.body.get("purpose") == "fresh"
    if challenge.purpose != ("fresh" if is_step_up else "sign_in"):
        raise WebAuthnVerificationError("challenge of another purpose")
    passkey, user = _owner(credential, core, passkeys)
    denied_id = current_id if challenge.purpose == "fresh" else user.id
    with log_denials(denied_id, core.sessions, client=client_of(request), provider=PROVIDER):
        if challenge.purpose == "fresh" and not user.id == challenge.user_id == current_id:
            raise AccountMismatch("a passkey or a session of another user")
        _verify(credential, challenge, passkey, request, core, passkeys)
        identity = _identity(passkey, user, core)
        redirect_url = authorize_sign_in(user, identity, core)
        if redirect_url is not None:
            return ActionResponse(location=redirect_url)
        url = callback_url(request, core)
        confirm = partial(_require_stored, passkey, passkeys)
        response = start_session(identity, user, False, url, request, core, confirm=confirm)
    remembered = callback_url_cookie(url, request, core)
    cleared = passkeys.challenges.clear(challenge.value, request.cookies)
    return replace(response, cookies=(*cleared, *remembered, *response.cookies))


def complete_waiting(
    request: ActionRequest, core: Core, passkeys: PasskeySignIn, factor: SecondFactor
) -> ActionResponse:
    """Complete the sign-in that waits in this browser with a passkey of its user. The CSRF token has been verified.

    Raises InvalidCheck if none waits, WebAuthnVerificationError, UnknownPasskey, AccountMismatch for the passkey of another
    user, other AuthErrors and AdapterError. Then no session has changed.
    """
    credential, challenge = use_challenge(request, core, passkeys)
    if challenge.purpose != "second":
        raise WebAuthnVerificationError("challenge of another purpose")
    waiting = find_waiting(request, core, factor)
    passkey, user = _owner(credential, core, passkeys)
    with log_denials(waiting.user.id, core.sessions, client=client_of(request), provider=PROVIDER):
        if not user.id == challenge.user_id == waiting.user.id:
            raise AccountMismatch("a passkey or a sign-in of another user")
        _verify(credential, challenge, passkey, request, core, passkeys)
    response = finish(waiting, AMR, request, core, factor, confirm=partial(_require_stored, passkey, passkeys))
    cleared = passkeys.challenges.clear(challenge.value, request.cookies)
    return replace(response, cookies=(*cleared, *response.cookies))


def _owner(credential: Credential, core: Core, passkeys: PasskeySignIn) -> tuple[Passkey, User]:
    """Return the stored passkey and the stored user it belongs to."""
    passkey = passkeys.store.find(credential.id)
    user = None if passkey is None else core.adapter.get_user(passkey.user_id)
    if passkey is None or user is None:
        raise UnknownPasskey
    return passkey, user


def _verify(
    credential: Credential,
    challenge: Challenge,
    passkey: Passkey,
    request: ActionRequest,
    core: Core,
    passkeys: PasskeySignIn,
) -> None:
    """Verify the signature and store the use. Raises WebAuthnVerificationError."""
    require_handle(credential, passkey)
    assertion = verify_assertion(
        credential, passkey, challenge=decode(challenge.value), rp_id=passkeys.rp_id, origins=core.origins
    )
    if not passkeys.store.record_use(passkey.credential_id, assertion.counter, backed_up=assertion.backed_up):
        # A copy of the passkey may exist. So may a device that was restored from a backup, so the passkey stays.
        extra = {"event": "passkey-counter", "user": passkey.user_id}
        _log.warning("the counter of a passkey has not increased", extra=extra)
        client = client_of(request)
        log_activity(passkey.user_id, "refused", core.sessions, client=client, provider=PROVIDER, detail="counter")
        owner = core.adapter.get_user(passkey.user_id)
        if owner is not None:
            notify("passkey-counter", owner, core)
        raise WebAuthnVerificationError("counter")


def _require_stored(passkey: Passkey, passkeys: PasskeySignIn) -> None:
    """Raise UnknownPasskey if another request has removed the passkey since it was verified."""
    if passkeys.store.find(passkey.credential_id) is None:
        raise UnknownPasskey("the passkey was removed in the meantime")


def _identity(passkey: Passkey, user: User, core: Core) -> ProviderIdentity:
    account = Account(PROVIDER, passkey.credential_id, "webauthn")
    return ProviderIdentity(replace(user, id=""), account, NO_PROFILE, auth_time=int(core.clock()), amr=AMR)
