"""The challenge that a response answers. It is used up before anything of the response is verified."""

from __future__ import annotations

from genkan.core import Core
from genkan.errors import AuthError, TooManyRequests, WebAuthnVerificationError
from genkan.http.messages import ActionRequest
from genkan.passkey.challenges import CHALLENGE_MAX_AGE, Challenge
from genkan.passkey.credential import Credential, read_credential
from genkan.passkey.parts import PasskeySignIn

ACTIONS = ("authenticate", "register")
"""Values of the field `action`, as in Auth.js."""


def use_challenge(request: ActionRequest, core: Core, passkeys: PasskeySignIn) -> tuple[Credential, Challenge]:
    """Return the credential in the form and the challenge of this browser that it answers, which is used up.

    Raises WebAuthnVerificationError if there is none or it was used before, AuthError for an unknown action,
    TooManyRequests, and AdapterError.
    """
    if not core.rate_limit.allow(request.remote_addr):
        raise TooManyRequests("too many from one address; behind a proxy, is TRUSTED_PROXY_HOPS set?")
    credential = read_credential(request.text("data"))
    if request.text("action") not in ACTIONS:
        raise AuthError("unknown action")
    challenge = passkeys.challenges.open(credential.challenge, request.cookies)
    if not core.adapter.use_once(challenge.one_time_id, core.clock() + CHALLENGE_MAX_AGE):
        raise WebAuthnVerificationError("challenge was used before")
    return credential, challenge
