"""Microsoft Entra ID: work, school and personal accounts of all tenants or of one."""

from __future__ import annotations

from genkan.providers.base import ProfileUser, Provider
from genkan.types import Profile


def profile(profile: Profile) -> ProfileUser:
    """Convert Microsoft's claims. The subject is `sub`, which is unique to this application and never reused.

    An administrator of a tenant can set `email` to any address (known as nOAuth). It counts as verified only if
    `xms_edov` says that the owner of its domain is verified. This optional claim must be added to the application at
    Microsoft. `preferred_username` looks like an email address but is not verified. There is no image, because its URL
    needs an access token.
    """
    owner_verified = profile.get("xms_edov")
    return ProfileUser(
        id=profile.get("sub"),
        name=profile.get("name") or profile.get("preferred_username"),
        email=profile.get("email"),
        # A boolean according to the documentation, but some tokens contain a string.
        email_verified=owner_verified is True or owner_verified in ("1", "true"),
    )


microsoft_entra_id = Provider(
    id="microsoft-entra-id",
    name="Microsoft Entra ID",
    type="oidc",
    issuer="https://login.microsoftonline.com/common/v2.0",
    allows_custom_issuer=True,
    issuer_pattern=r".*/(common|organizations|consumers|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})/v2\.0",
    issuer_example="https://login.microsoftonline.com/TENANT/v2.0, where TENANT is common, organizations, "
    "consumers, or the tenant's id in lower case (not its domain)",
    multi_tenant_issuer="https://login.microsoftonline.com/{tenantid}/v2.0",
    shared_tenants={
        "common": "{tenantid}",
        "organizations": "{tenantid}",
        # Personal accounts belong to this tenant, which the discovery document names.
        "consumers": "9188040d-6c67-4c5b-b112-36a304b66dad",
    },
    token_endpoint_auth_method="client_secret_post",
    email_verified_claims=("email_verified", "xms_edov"),
    profile=profile,
)
