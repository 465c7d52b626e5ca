"""Verification of what a device has signed (WebAuthn Level 3, 7.1 and 7.2)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

from genkan.adapters.passkeys import DeviceType, Passkey
from genkan.errors import ConfigurationError, WebAuthnVerificationError
from genkan.passkey.credential import Credential
from genkan.passkey.options import ALGORITHMS

NO_AAGUID = "00000000-0000-0000-0000-000000000000"

KINDS: Mapping[int, tuple[int, int | None]] = {-8: (1, 6), -7: (2, 1), -257: (3, None)}
"""Type and curve of a key by its algorithm (COSE): Ed25519, P-256 and RSA (WebAuthn Level 3, 5.8.5)."""


class NewCredential(NamedTuple):
    """A new passkey that was verified."""

    credential_id: str
    public_key: str
    counter: int
    device_type: DeviceType
    backed_up: bool
    aaguid: str | None


class Assertion(NamedTuple):
    """A use of a passkey that was verified."""

    counter: int
    backed_up: bool


def require_library() -> None:
    """Raise ConfigurationError if the library is not installed."""
    if find_spec("webauthn") is None:
        raise ConfigurationError("AUTH_PASSKEYS: it needs the package webauthn. Run pip install 'genkan[passkeys]'.")


def verify_registration(
    credential: Credential, *, challenge: bytes, rp_id: str, origins: Sequence[str]
) -> NewCredential:
    """Return the new passkey. Raises WebAuthnVerificationError for every flaw, also for a key that can verify nothing.

    The user must have been present and verified. What the device says about its maker is not checked.
    """
    # Imported here, because it takes several MiB of memory and a tenth of a second.
    from webauthn import verify_registration_response  # noqa: PLC0415
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415

    try:
        verified = verify_registration_response(
            credential=credential.json,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=list(origins),
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(algorithm) for algorithm in ALGORITHMS],
        )
        _require_usable(verified.credential_public_key)
    except Exception as error:
        # The library raises more than its own exceptions for hostile input.
        raise WebAuthnVerificationError(_detail("registration", error)) from error
    credential_id = base64.b64encode(verified.credential_id).decode()
    if credential_id != credential.id:
        raise WebAuthnVerificationError("registration: the device has signed another id")
    return NewCredential(
        credential_id,
        base64.b64encode(verified.credential_public_key).decode(),
        verified.sign_count,
        _device_type(verified),
        verified.credential_backed_up,
        None if verified.aaguid == NO_AAGUID else verified.aaguid,
    )


def verify_assertion(
    credential: Credential, passkey: Passkey, *, challenge: bytes, rp_id: str, origins: Sequence[str]
) -> Assertion:
    """Return the use of this passkey. Raises WebAuthnVerificationError for every flaw.

    The user must have been present and verified. The counter is not compared: the store does so when it writes it.
    """
    from webauthn import verify_authentication_response  # noqa: PLC0415 (as above)

    # The handle is checked by `require_handle`. Clients write it in forms that the library can't read.
    response = {name: value for name, value in credential.response.items() if name != "userHandle"}
    try:
        verified = verify_authentication_response(
            credential={**credential.json, "response": response},
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=list(origins),
            credential_public_key=base64.b64decode(passkey.public_key),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:
        raise WebAuthnVerificationError(_detail("assertion", error)) from error
    if _device_type(verified) != passkey.device_type:
        raise WebAuthnVerificationError("assertion: the passkey was of another kind")
    return Assertion(verified.new_sign_count, verified.credential_backed_up)


def _require_usable(public_key: bytes) -> None:
    """Raise an exception if no signature can be verified with this key, as its parts don't belong together."""
    from webauthn.helpers.decode_credential_public_key import decode_credential_public_key  # noqa: PLC0415 (as above)
    from webauthn.helpers.decoded_public_key_to_cryptography import (  # noqa: PLC0415
        decoded_public_key_to_cryptography,
    )

    # A device signs nothing at a registration, so the user would notice at the first sign-in only.
    key = decode_credential_public_key(public_key)
    if (key.kty, getattr(key, "crv", None)) != KINDS[key.alg]:
        raise ValueError("another kind of key than that of its algorithm")
    decoded_public_key_to_cryptography(key)


def _device_type(verified: Any) -> DeviceType:
    # Auth.js's spelling.
    return "multiDevice" if verified.credential_device_type.value == "multi_device" else "singleDevice"


def _detail(step: str, error: Exception) -> str:
    # The library quotes what the client has sent.
    return f"{step}: {type(error).__name__}: {error}"[:200]
