"""Providers as data, and the conversion of their claims to common fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from genkan.types import Profile

AuthMethod = Literal["client_secret_basic", "client_secret_post"]

DISCOVERY_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class ProfileUser:
    """Common fields of a provider's profile, with values as the provider sent them.

    `id` is the permanent subject at the provider. Code that uses the values must check their types and lengths.
    `email_verified` is True only if the provider itself says that the address is verified.
    """

    id: Any
    name: Any = None
    email: Any = None
    image: Any = None
    email_verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Configuration of one provider. It does no I/O: `genkan.oauth.client` sends the requests."""

    id: str
    name: str
    type: Literal["oauth", "oidc"]
    profile: Callable[[Profile], ProfileUser]
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    issuer: str | None = None
    """OpenID Connect: the URL at which discovery starts and the value that `iss` must have. OAuth: the value that
    `iss` in the authorization response must have if it is sent (RFC 9207)."""
    requires_issuer: bool = False
    """True if the operator must set `AUTH_<ID>_ISSUER`."""
    allows_custom_issuer: bool = False
    """True if the operator may set `AUTH_<ID>_ISSUER` for an instance or tenant, in place of the default issuer."""
    issuer_pattern: str = ".*[^/]"
    """Usual form of this provider's issuer. Another value is only a warning, because discovery decides whether it
    works."""
    issuer_example: str = "https://HOST"
    """Example for that warning."""
    shared_tenants: Mapping[str, str] = field(default_factory=dict)
    """Path segments of an issuer that several tenants share, and their replacements in `multi_tenant_issuer`."""
    multi_tenant_issuer: str | None = None
    """Issuer in the discovery document if several tenants share it. `{tenantid}` is replaced by the ID token's
    `tid`, and the result must equal `iss`. Only Microsoft's shared endpoints need this."""
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    """Endpoints of an OAuth provider. Those of an OpenID Connect provider come from discovery, except that it may
    set the authorization endpoint for the header `form-action`."""
    extra_userinfo_endpoints: Mapping[str, str] = field(default_factory=dict)
    """More endpoints to call with the access token. Each response is added to the profile under its key."""
    scope: str = "openid profile email"
    authorization_params: Mapping[str, str] = field(default_factory=dict)
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"
    email_verified_claims: tuple[str, ...] = ("email_verified",)
    """Claims that say that the email address is verified. They count only in the same response as the address."""
    trusts_email: bool = False
    """True if an address counts as verified when no claim says whether it is. Set by `AUTH_<ID>_TRUST_EMAIL=1`."""
    fetch_userinfo: bool = False
    """OpenID Connect: True if the ID token lacks the profile, so that userinfo is requested, too. Its `sub` must be
    the same."""
    pkce: bool = True
    """False for providers that answer a `code_verifier` with an error. Neither challenge nor verifier is sent to
    them."""
    returns_nonce: bool = True
    """False for providers whose ID tokens do not contain the nonce. A nonce that is there must match nevertheless."""
    rp_initiated_logout: bool = False
    """True if a sign-out continues at the provider (RP-Initiated Logout). Set by `AUTH_<ID>_SIGN_OUT=provider`."""
    reauthentication_params: Mapping[str, str] = field(default_factory=lambda: {"prompt": "login"})
    """Authorization parameters with which the provider authenticates a signed-in user again, or the nearest that it
    supports."""
    supports_max_age: bool = False
    """True if the provider supports `max_age` and then sends `auth_time` (OpenID Connect Core section 3.1.2.1). A
    reauthentication without `auth_time` is then refused. If False, completing the flow counts as reauthentication,
    unless `auth_time` is sent and too old."""

    def variable(self, kind: str) -> str:
        """Return the name of an environment variable of this provider, such as `AUTH_GITHUB_ID`."""
        return f"AUTH_{self.id.upper().replace('-', '_')}_{kind}"


def standard_claims(profile: Profile) -> ProfileUser:
    """Return the fields of standard claims (OpenID Connect Core section 5.1)."""
    return ProfileUser(
        id=profile.get("sub"),
        name=profile.get("name") or profile.get("nickname") or profile.get("preferred_username"),
        email=profile.get("email"),
        image=profile.get("picture"),
        email_verified=profile.get("email_verified") is True,
    )
