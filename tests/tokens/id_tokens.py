"""Valid ID tokens, and ID tokens with the faults of `faults.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.tokens.signing import SigningKey, compact, key, signed_with_secret

HOUR = 3600
ELSEWHERE = "https://elsewhere.example"

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """Token before it is signed."""

    header: dict[str, object]
    claims: Claims
    signer: SigningKey

    def signed(self) -> str:
        """Return the token with a valid signature."""
        return compact(self.header, self.claims, self.signer.sign)


def valid(claims: Claims, signer: SigningKey) -> Draft:
    """Return a valid token."""
    return Draft({"alg": signer.algorithm, "kid": signer.kid, "typ": "JWT"}, dict(claims), signer)


def faulty(draft: Draft, fault: str | None) -> str:
    """Return the signed token with this fault, or without a fault if None."""
    if fault in _CLAIMS:
        _CLAIMS[fault](draft.claims)
    if fault in _SIGNATURES:
        return _SIGNATURES[fault](draft)
    return draft.signed()


def _put(**claims: object) -> Callable[[Claims], None]:
    return lambda body: body.update(claims)


def _drop(name: str) -> Callable[[Claims], None]:
    return lambda body: body.pop(name, None)


def _shift(seconds: int, *names: str) -> Callable[[Claims], None]:
    return lambda body: body.update(dict.fromkeys(names, body["iat"] + seconds))


def _iat_far_future(body: Claims) -> None:
    body.update(exp=body["exp"] + 24 * HOUR, iat=body["iat"] + 24 * HOUR)


_CLAIMS: dict[str | None, Callable[[Claims], None]] = {
    "wrong-iss": _put(iss=ELSEWHERE),
    "missing-iss": _drop("iss"),
    "wrong-aud": _put(aud="another-client"),
    "missing-aud": _drop("aud"),
    "multiple-aud": lambda body: body.update(aud=[body["aud"], "another-client"], azp=body["aud"]),
    "foreign-aud-own-azp": lambda body: body.update(aud=["another-client"], azp=body["aud"]),
    "multiple-aud-no-azp": lambda body: body.update(aud=[body["aud"], "another-client"]),
    "wrong-azp": _put(azp="another-client"),
    "missing-sub": _drop("sub"),
    "empty-sub": _put(sub=""),
    "long-sub": _put(sub="s" * 256),
    "nul-sub": lambda body: body.update(sub=f"{body['sub']}\x00"),
    "fraction-sub": _put(sub=7.5),
    "boolean-sub": _put(sub=True),
    "list-sub": lambda body: body.update(sub=[body["sub"]]),
    "missing-exp": _drop("exp"),
    "string-exp": lambda body: body.update(exp="never"),
    "expired": lambda body: body.update(iat=body["iat"] - 2 * HOUR, exp=body["iat"] - HOUR),
    "missing-iat": _drop("iat"),
    "string-iat": _put(iat="now"),
    "boolean-iat": _put(iat=True),
    "boolean-nbf": _put(nbf=True),
    "string-nbf": _put(nbf="soon"),
    "endless-exp": _put(exp=float("inf")),
    "iat-far-future": _iat_far_future,
    "nbf-future": _shift(HOUR, "nbf"),
    "wrong-nonce": _put(nonce="another-nonce"),
    "missing-nonce": _drop("nonce"),
    # Authlib did not check the nonce of such a token up to version 1.7.
    "nonce-unsupported": lambda body: (body.pop("nonce", None), body.update(nonce_supported=False))[1],
    "wrong-at-hash": _put(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "no-auth-time": _drop("auth_time"),
    "stale-auth-time": _shift(-HOUR, "auth_time"),
    "string-auth-time": lambda body: body.update(auth_time=str(body["auth_time"])),
    "auth-time-ahead": _shift(HOUR, "auth_time"),
}


def _unsigned(draft: Draft) -> str:
    return compact({**draft.header, "alg": "none"}, draft.claims, lambda _: b"")


def _signed_by_public_key(draft: Draft) -> str:
    header = {**draft.header, "alg": "HS256"}
    return compact(header, draft.claims, signed_with_secret(draft.signer.public_pem()))


def _signed_by_attacker(draft: Draft) -> str:
    return compact(draft.header, draft.claims, _attacker(draft).sign)


def _tampered(draft: Draft) -> str:
    token = draft.signed()
    middle = token.rindex(".") + 20
    return token[:middle] + ("B" if token[middle] == "A" else "A") + token[middle + 1 :]


def _attacker_jwk(draft: Draft) -> str:
    header = {**draft.header, "jwk": _attacker(draft).public_jwk()}
    return compact(header, draft.claims, _attacker(draft).sign)


def _attacker_jku(draft: Draft) -> str:
    header = {**draft.header, "jku": f"{draft.claims['iss']}/elsewhere/attacker"}
    return compact(header, draft.claims, _attacker(draft).sign)


def _attacker(draft: Draft) -> SigningKey:
    return key("attacker", draft.signer.algorithm)


def _with_header(**header: object) -> Callable[[Draft], str]:
    return lambda draft: replace(draft, header={**draft.header, **header}).signed()


def _without_kid(draft: Draft) -> str:
    return compact({"alg": draft.header["alg"]}, draft.claims, draft.signer.sign)


_SIGNATURES: dict[str | None, Callable[[Draft], str]] = {
    "alg-none": _unsigned,
    "hs256-public-key": _signed_by_public_key,
    "wrong-key": _signed_by_attacker,
    "tampered": _tampered,
    "jwk-header": _attacker_jwk,
    "jku-header": _attacker_jku,
    "unknown-crit": _with_header(crit=["urn:example:must-know"], **{"urn:example:must-know": True}),
    "kid-absent": _without_kid,
    "unknown-kid": _with_header(kid="not-in-the-key-set"),
    "not-a-jwt": lambda _: "three.words.here",
    "list-payload": lambda draft: compact(draft.header, [draft.claims], draft.signer.sign),
    "wrong-typ": _with_header(typ="something+jwt"),
}
