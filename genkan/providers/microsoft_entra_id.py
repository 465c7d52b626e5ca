"""Microsoft Entra ID: work, school and personal accounts, of every tenant or of one."""

from __future__ import annotations

from genkan.providers.base import ProfileUser, Provider
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """Microsoft's claims. The subject is `sub`, which is this application's alone and never given to anybody else.

    `email` is what a tenant's administrator typed ("nOAuth"), so it is verified only where Microsoft says that the
    domain's owner was (`xms_edov`, an optional claim to be added to the application). `preferred_username` looks
    like an address and proves nothing. The picture's URL answers only to an access token, so there is none.
    """
    owner_verified = profile.get("xms_edov")
    return ProfileUser(
        id=profile.get("sub"),
        name=profile.get("name") or profile.get("preferred_username"),
        email=profile.get("email"),
        # A boolean by its documentation; tokens have been seen to carry it as the string of one.
        email_verified=owner_verified is True or owner_verified in ("1", "true"),
    )


microsoft_entra_id = Provider(
    id="microsoft-entra-id",
    name="Microsoft Entra ID",
    type="oidc",
    issuer="https://login.microsoftonline.com/common/v2.0",
    allows_custom_issuer=True,
    issuer_pattern=r".*/(common|organizations|consumers|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})/v2\.0",
    issuer_example="https://login.microsoftonline.com/TENANT/v2.0, TENANT being the tenant's id in lower case "
    "(its domain will not do), common, organizations or consumers",
    multi_tenant_issuer="https://login.microsoftonline.com/{tenantid}/v2.0",
    shared_tenants={
        "common": "{tenantid}",
        "organizations": "{tenantid}",
        # All personal accounts live in this one tenant, and discovery names it.
        "consumers": "9188040d-6c67-4c5b-b112-36a304b66dad",
    },
    token_endpoint_auth_method="client_secret_post",
    email_verified_claims=("email_verified", "xms_edov"),
    profile=profile,
)
