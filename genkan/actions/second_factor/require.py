"""Ask for the second factor in place of starting a session. Every session starts through here."""

from __future__ import annotations

from dataclasses import replace

from genkan.actions.second_factor.level import has_passkey
from genkan.core import Core
from genkan.errors import AuthError, PasskeyRequired
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.reauthentication import MFA
from genkan.second_factor.parts import SecondFactor
from genkan.second_factor.pending import PendingData
from genkan.types import ProviderIdentity, User

PROVIDER_TYPES = frozenset({"oauth", "oidc"})
"""Types of accounts at a provider, which may ask for a second factor itself."""


def require_second_factor(
    identity: ProviderIdentity,
    user: User,
    url: str,
    request: ActionRequest,
    core: Core,
    *,
    is_new_user: bool,
    is_fresh: bool,
) -> ProviderIdentity | ActionResponse:
    """Return the identity that a session may start with now, or the redirect to the page that asks for the second factor.

    The sign-in waits in the database until then, and the browser has no session of it. Asked are users who have a second
    factor, unless a provider signed them in, and every user whom the settings require it of. In a trusted browser they are
    not asked, and the session does not count as a recent authentication. To confirm their identity (`is_fresh`), users who
    have a second factor are always asked. A user who needs one and has a passkey signs in with that: PasskeyRequired is
    raised. Raises other AuthErrors and AdapterError.
    """
    factor = core.second_factor
    if factor is None or MFA in identity.amr:
        return identity
    is_on, is_by_provider = factor.is_on(user.id), identity.account.type in PROVIDER_TYPES
    is_asked = _is_required(user, core, factor) or (is_on and (is_fresh or not is_by_provider))
    if not is_asked:
        return identity
    if is_on and not is_fresh and _is_trusted(user.id, request, factor):
        return replace(identity, auth_time=None)
    if not is_on and has_passkey(user.id, core):
        # Otherwise the first factor alone would add another second one.
        raise PasskeyRequired
    data = _pending_data(identity, user, url, is_new_user=is_new_user, is_fresh=is_fresh)
    # Sessions of the user may have been revoked in this second, or by a host whose clock is ahead.
    core.sessions.revocations.read_now()
    created = max(core.sessions.now(), core.sessions.revocations.last_rule(user.id))
    pending, cookie = factor.pending.create(data, created)
    factor.store.add_pending(pending)
    return ActionResponse(location=second_factor_url(core, is_on=is_on), cookies=(cookie,))


def second_factor_url(core: Core, *, is_on: bool) -> str:
    """Return the absolute URL of the page that asks for a code, or of the one where the user enrols first."""
    return core.page_url(f"{core.pages.account}/second{'' if is_on else '/enrol'}")


def _is_required(user: User, core: Core, factor: SecondFactor) -> bool:
    try:
        return factor.is_required(core.sessions.callbacks.with_role(user))
    except AuthError:
        raise
    except Exception as error:
        raise AuthError(f"role callback: {type(error).__name__}") from error


def _is_trusted(user_id: str, request: ActionRequest, factor: SecondFactor) -> bool:
    token_hash = factor.devices.token_hash(request.cookies)
    return token_hash is not None and factor.store.use_device(user_id, token_hash)


def _pending_data(
    identity: ProviderIdentity, user: User, url: str, *, is_new_user: bool, is_fresh: bool
) -> PendingData:
    return PendingData(
        user_id=user.id,
        provider=identity.account.provider,
        type=identity.account.type,
        subject=identity.account.provider_account_id,
        url=url,
        amr=identity.amr,
        is_new_user=is_new_user,
        is_fresh=is_fresh,
        auth_time=identity.auth_time,
        unverified_email=user.unverified_email,
        id_token_hint=identity.id_token_hint,
        tokens=identity.account.tokens,
        profile=identity.profile,
    )
