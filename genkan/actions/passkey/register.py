"""`POST /api/auth/callback/passkey` with `action=register`: add a passkey to the signed-in user."""

from __future__ import annotations

import logging

from genkan import signals
from genkan.actions.callback_url import callback_url
from genkan.actions.complete_sign_in import client_of
from genkan.actions.passkey.challenge import use_challenge
from genkan.actions.password.change import tell
from genkan.actions.second_factor.level import check_level
from genkan.adapters import NO_PROFILE
from genkan.adapters.passkeys import PROVIDER, Passkey
from genkan.core import Core
from genkan.errors import AccountLinkedToAnotherUser, AccountMismatch, SessionRequired, WebAuthnVerificationError
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.passkey.challenges import Challenge
from genkan.passkey.credential import Credential, decode, transports_of
from genkan.passkey.models import model_name
from genkan.passkey.parts import PasskeySignIn
from genkan.passkey.verification import verify_registration
from genkan.session import reader
from genkan.session.activity import log_activity
from genkan.types import Account, User

_log = logging.getLogger("genkan.passkey")


def register(request: ActionRequest, core: Core, passkeys: PasskeySignIn) -> ActionResponse:
    """Store the new passkey of the signed-in user, tell the user by mail, and redirect to the callback URL.

    The CSRF token has been verified. That the user authenticated recently was checked when the challenge was made. Raises
    WebAuthnVerificationError, SessionRequired, AccountMismatch, AccountLinkedToAnotherUser if the passkey is known, and
    AdapterError. Then nothing has changed.
    """
    credential, challenge = use_challenge(request, core, passkeys)
    if challenge.purpose != "register":
        raise WebAuthnVerificationError("challenge of another purpose")
    user = _signed_in_user(challenge, request, core)
    passkey = _verified(credential, challenge, user, request, core, passkeys)
    if not passkeys.store.add(passkey):
        raise AccountLinkedToAnotherUser("the passkey is known")
    log_activity(user.id, "passkey-added", core.sessions, client=client_of(request))
    _log.info("passkey added", extra={"event": "passkey-added", "user": user.id})
    account = Account(PROVIDER, passkey.credential_id, "webauthn", user_id=user.id)
    signals.send(signals.account_linked, user=user, account=account, profile=NO_PROFILE)
    if core.email is not None:
        tell("passkey_added", user, core, core.email, name=passkey.name or "")
    cleared = passkeys.challenges.clear(challenge.value, request.cookies)
    return ActionResponse(location=callback_url(request, core), cookies=cleared)


def _signed_in_user(challenge: Challenge, request: ActionRequest, core: Core) -> User:
    # Read after the device has responded: the session may have ended since.
    result = reader.read_or_raise(request.cookies, core.sessions)
    user = core.adapter.get_user(result.user_id) if result.user_id else None
    if user is None:
        raise SessionRequired(reason="signed-out")
    if user.id != challenge.user_id:
        raise AccountMismatch("another user's session in this browser")
    check_level(result, core)
    return user


def _verified(
    credential: Credential,
    challenge: Challenge,
    user: User,
    request: ActionRequest,
    core: Core,
    passkeys: PasskeySignIn,
) -> Passkey:
    verified = verify_registration(
        credential, challenge=decode(challenge.value), rp_id=passkeys.rp_id, origins=core.origins
    )
    return Passkey(
        credential_id=verified.credential_id,
        user_id=user.id,
        public_key=verified.public_key,
        counter=verified.counter,
        device_type=verified.device_type,
        backed_up=verified.backed_up,
        transports=transports_of(credential),
        handle=challenge.handle,
        name=model_name(verified.aaguid) or client_of(request).device,
        aaguid=verified.aaguid,
    )
