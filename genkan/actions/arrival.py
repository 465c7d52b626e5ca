"""Somebody has arrived: the session they get, written down, in place of the one this browser had."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from genkan.actions.callback_url import new_csrf_cookie
from genkan.adapters.sessions import Activity, SessionRecord
from genkan.callbacks import JWTParams
from genkan.core import Core
from genkan.errors import AccessDenied, AdapterError, AuthError
from genkan.http import cookies
from genkan.http.messages import ActionRequest, Cookie
from genkan.oauth.logout import MAX_HINT_CHARACTERS
from genkan.session import activity, issuer, reader, user_agent
from genkan.session.revoker import revoke_token, revoke_undecodable
from genkan.types import Account, Profile, Token, User

SID_BYTES = 16
"""Of chance in a session's name."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came in, how, and whether for the first time."""

    user: User
    account: Account
    profile: Profile
    is_new_user: bool
    proven_at: int | None
    """When they last proved to the provider who they are, in seconds since 1970; None if that is not known."""


def start_session(arrival: Arrival, request: ActionRequest, options: Core) -> tuple[Cookie, ...]:
    """The cookies of a session for them: always a new one (S1), and the one the browser brought has ended.

    Raises AccessDenied where the jwt callback or a disabled user stands in the way, StoreError, and AuthError for
    anything else that a callback raises.
    """
    seen = cookies.read_session(request.cookie_header, options.cookie_names.session)
    before = reader.read(request.cookie_header, options).known
    try:
        token = _first_token(arrival, options)
        record = _record(arrival, token, request, options)
        written = issuer.create_session(token, record, seen.names if seen else (), options)
    except (AuthError, AdapterError):
        raise
    except Exception as error:
        raise AuthError(f"callback: {type(error).__name__}") from error
    if before is not None:
        revoke_token(before.token, "replaced", options)
    elif seen is not None:
        # The session callback tells of nobody, or something is down: it could be somebody's again later.
        revoke_undecodable(request.cookie_header, "replaced", options)
    _note(record, options)
    return (*written, new_csrf_cookie(options))


def _first_token(arrival: Arrival, options: Core) -> Token:
    # Before the callback, which may take a while, and the user was read a moment ago.
    user, as_of = arrival.user, int(options.clock()) - 1
    token = options.callbacks.jwt(
        JWTParams(
            token={"name": user.name, "email": user.email, "picture": user.image, "sub": user.id},
            user=user,
            account=arrival.account,
            profile=arrival.profile,
            is_new_user=arrival.is_new_user,
            trigger="signUp" if arrival.is_new_user else "signIn",
        )
    )
    if token is None:
        raise AccessDenied("jwt callback")
    # Never what the browser brought: a new token for every sign-in (S1), counted from now (S6).
    now = int(options.clock())
    sid = secrets.token_urlsafe(SID_BYTES)
    return {**token, "iat": now, "auth_time": now, "proven_at": arrival.proven_at, "as_of": as_of, "sid": sid}


def _record(arrival: Arrival, token: Token, request: ActionRequest, options: Core) -> SessionRecord:
    now: int = token["iat"]
    name = arrival.profile.get("sid")
    return SessionRecord(
        id=token["sid"],
        user_id=arrival.user.id,
        provider=arrival.account.provider,
        provider_sid=name if isinstance(name, str) and name.isprintable() and len(name) <= 255 else None,
        id_token=_hint(arrival, options),
        created=now,
        last_seen=now,
        expires=now + options.session_config.max_age,
        absolute_expires=now + options.session_config.absolute_age,
        device=user_agent.describe(request.headers.get("user-agent", "")),
        ip_address=request.remote_addr,
    )


def _hint(arrival: Arrival, options: Core) -> str | None:
    # Kept only where a sign-out is going to show it, in a URL.
    provider = options.providers.get(arrival.account.provider)
    token = arrival.account.tokens.get("id_token")
    if provider is None or not provider.rp_initiated_logout or not isinstance(token, str):
        return None
    return token if len(token) <= MAX_HINT_CHARACTERS else None


def _note(record: SessionRecord, options: Core) -> None:
    entry = Activity(
        at=record.created,
        kind="signed-in",
        provider=record.provider,
        device=record.device,
        ip_address=record.ip_address,
    )
    activity.record_activity(record.user_id, entry, options)
