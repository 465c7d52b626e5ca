"""Options for the browser (WebAuthn Level 3, 5.4 and 5.5), in the JSON form that Auth.js sends."""

from __future__ import annotations

from collections.abc import Iterable

from genkan.adapters.passkeys import Passkey
from genkan.passkey.challenges import CHALLENGE_MAX_AGE, Challenge
from genkan.passkey.credential import encode, to_base64url
from genkan.types import JSON

ALGORITHMS = (-8, -7, -257)
"""EdDSA, ES256 and RS256 (COSE). RS256 is for older devices with Windows."""


def authentication_options(challenge: Challenge, rp_id: str) -> dict[str, JSON]:
    """Return the options for `navigator.credentials.get`. The browser offers every passkey of the site."""
    return {
        "challenge": challenge.value,
        "timeout": CHALLENGE_MAX_AGE * 1000,
        "userVerification": "required",
        "rpId": rp_id,
    }


def registration_options(
    challenge: Challenge, rp_id: str, *, site: str, user_name: str, display_name: str, known: Iterable[Passkey]
) -> dict[str, JSON]:
    """Return the options for `navigator.credentials.create`. A device that has one of the `known` passkeys refuses."""
    excluded: list[JSON] = [
        {"id": to_base64url(passkey.credential_id), "type": "public-key", "transports": list(passkey.transports)}
        for passkey in known
    ]
    return {
        "challenge": challenge.value,
        "rp": {"name": site, "id": rp_id},
        "user": {"id": encode(challenge.handle.encode()), "name": user_name, "displayName": display_name},
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": CHALLENGE_MAX_AGE * 1000,
        "attestation": "none",
        "excludeCredentials": excluded,
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "extensions": {"credProps": True},
    }
