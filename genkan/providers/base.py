"""What a provider is: data, and one function from what it says about somebody to what we keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from genkan.types import Profile

AuthMethod = Literal["client_secret_basic", "client_secret_post"]

DISCOVERY_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class ProfileUser:
    """What a provider's profile says in our words, still as the provider spelled it.

    `id` is the stable subject at the provider; whoever uses this cleans and bounds every value (O11).
    `email_verified` is True only where the provider itself vouches for the address.
    """

    id: Any
    name: Any = None
    email: Any = None
    image: Any = None
    email_verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One way to sign in. No I/O happens here: `genkan.oauth.client` reads this and talks."""

    id: str
    name: str
    type: Literal["oauth", "oidc"]
    profile: Callable[[Profile], ProfileUser]
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    issuer: str | None = None
    """OIDC: where discovery starts and what `iss` must say. OAuth: what RFC 9207's `iss` must say when it is sent."""
    issuer_is_built_in: bool = True
    """False: the owner names the issuer in `AUTH_<ID>_ISSUER`."""
    allows_custom_issuer: bool = False
    """Built in, yet the owner may name their own instance or tenant in `AUTH_<ID>_ISSUER` instead."""
    issuer_pattern: str = ".*[^/]"
    """How this provider usually spells it. Another value is a warning at the start: discovery decides."""
    issuer_example: str = "https://HOST"
    """What that warning shows."""
    shared_tenants: Mapping[str, str] = field(default_factory=dict)
    """Path segments that stand for several tenants, and what discovery writes in their place: `catalogue` derives
    `multi_tenant_issuer` from the owner's issuer with it."""
    multi_tenant_issuer: str | None = None
    """What discovery says in place of `issuer` where that is shared by tenants; the ID token's `tid` fills in its
    `{tenantid}`, and the result must equal `iss`. Only Microsoft's common endpoints do this."""
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    """OAuth providers only: those of OIDC are discovered. An OIDC provider may name the first, for `form-action` alone."""
    extra_userinfo_endpoints: Mapping[str, str] = field(default_factory=dict)
    """More to ask with the access token; each answer joins the profile under its key."""
    scope: str = "openid profile email"
    authorization_params: Mapping[str, str] = field(default_factory=dict)
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"
    email_verified_claims: tuple[str, ...] = ("email_verified",)
    """Claims that vouch for the address, believed only from the answer that tells the address."""
    fetch_userinfo: bool = False
    """OIDC: the ID token lacks the profile, so userinfo is asked too, and believed only for the same `sub` (O7)."""
    pkce: bool = True
    """False for the few that answer a `code_verifier` with an error; neither challenge nor verifier is sent then."""
    returns_nonce: bool = True
    """False for the few whose ID tokens leave the nonce out; one that is there must match all the same."""
    rp_initiated_logout: bool = False
    """Whoever signs out here is sent on to the provider's own sign-out: `AUTH_<ID>_SIGN_OUT=provider`."""
    reauthentication_params: Mapping[str, str] = field(default_factory=lambda: {"prompt": "login"})
    """Authorization parameters that make it ask somebody who is signed in there to prove themselves once more, or the
    nearest to that which it understands."""
    supports_max_age: bool = False
    """It takes `max_age` and then says in `auth_time` when that was (OpenID Connect Core 3.1.2.1), so a fresh sign-in
    without it is refused. False: a completed round trip counts, unless an `auth_time` that is there says otherwise."""

    def variable(self, kind: str) -> str:
        """Return the name of an environment variable of this provider, such as `AUTH_GITHUB_ID`."""
        return f"AUTH_{self.id.upper().replace('-', '_')}_{kind}"


def standard_claims(profile: Profile) -> ProfileUser:
    """The profile of a provider that speaks plain OpenID Connect (Core 5.1)."""
    return ProfileUser(
        id=profile.get("sub"),
        name=profile.get("name") or profile.get("nickname") or profile.get("preferred_username"),
        email=profile.get("email"),
        image=profile.get("picture"),
        email_verified=profile.get("email_verified") is True,
    )
