"""From an authorization response to the identity of a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from genkan.claims import normalize_subject, to_user
from genkan.errors import ProviderError
from genkan.oauth.checks import Flow
from genkan.oauth.client import OAuthClient
from genkan.oauth.logout import MAX_HINT_CHARACTERS
from genkan.oauth.reauthentication import amr_of, auth_time_of
from genkan.providers.base import Provider
from genkan.types import Account, Profile, ProviderIdentity


def identify(provider: Provider, flow: Flow, params: Mapping[str, str], client: OAuthClient) -> ProviderIdentity:
    """Exchange the code in `params` and return the user's identity. Raises AuthError like `OAuthClient.exchange_code`."""
    profile, tokens = client.exchange_code(provider, flow, params)
    try:
        profile_user = provider.profile(profile)
    except Exception as error:
        raise ProviderError(f"profile: {type(error).__name__}") from error
    if provider.trusts_email and _says_nothing(provider, profile):
        profile_user = replace(profile_user, email_verified=True)
    account = Account(provider.id, normalize_subject(profile_user.id), provider.type, tokens)
    now = client.clock()
    return ProviderIdentity(
        user=to_user(profile_user, now),
        account=account,
        profile=profile,
        auth_time=auth_time_of(provider, flow, profile, int(now)),
        id_token_hint=_id_token_hint(provider, account),
        amr=amr_of(provider, profile),
    )


def _says_nothing(provider: Provider, profile: Profile) -> bool:
    """Return True if no claim says whether the address is verified. A claim that is malformed says something."""
    return all(profile.get(claim) is None for claim in (*provider.email_verified_claims, "verified"))


def _id_token_hint(provider: Provider, account: Account) -> str | None:
    # Stored only for a sign-out at the provider, which sends it in a URL.
    token = account.tokens.get("id_token")
    if not provider.rp_initiated_logout or not isinstance(token, str):
        return None
    return token if len(token) <= MAX_HINT_CHARACTERS else None
