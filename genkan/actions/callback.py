"""`GET` and `POST /api/auth/callback/<provider>`: a browser comes back from a provider."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from genkan.actions.callback_url import apply_redirect_callback, callback_url_cookie, error_redirect
from genkan.actions.complete_sign_in import complete_reauthentication, complete_sign_in
from genkan.actions.link import link
from genkan.core import Core
from genkan.errors import AdapterError, AdapterUnavailable, AuthError, InvalidCheck, InvalidProvider
from genkan.http.messages import ActionRequest, ActionResponse
from genkan.oauth.checks import FLOW_MAX_AGE, Flow, Purpose
from genkan.session import reader
from genkan.session.activity import ClientInfo, log_denials
from genkan.types import ProviderIdentity

_log = logging.getLogger("genkan.callback")

Complete = Callable[[ProviderIdentity, Flow, ActionRequest, Core], ActionResponse]

_COMPLETE: Mapping[Purpose, Complete] = {
    "sign_in": complete_sign_in,
    "fresh": complete_reauthentication,
    "link": link,
}


def callback(provider_id: str, request: ActionRequest, core: Core) -> ActionResponse:
    """Complete the flow that this browser began. The response is always a redirect, and deletes the flow's cookie.

    The flow is marked as used before the code is exchanged, so a code is exchanged once however often the request
    arrives. An existing session stays until a new one replaces it.
    """
    # Imported here, because it needs the OAuth client.
    from genkan.oauth.identity import identify  # noqa: PLC0415

    params = {**request.query, **{name: value for name, value in request.body.items() if isinstance(value, str)}}
    flow = None
    try:
        provider = core.providers.get(provider_id)
        if provider is None:
            raise InvalidProvider
        flow = core.checks.use(provider.id, params.get("state"), request.cookies)
        if not core.adapter.use_once(flow.one_time_id, core.clock() + FLOW_MAX_AGE):
            return ActionResponse(location=flow.callback_url)
        client = ClientInfo.of(request.user_agent, request.remote_addr)
        with log_denials(flow.user_id or None, core.sessions, client=client, provider=provider.id):
            identity = identify(provider, flow, params, core.oauth)
        response = _COMPLETE[flow.purpose](identity, flow, request, core)
    except AdapterError:
        response = _failed(AdapterUnavailable(), flow, core)
    except AuthError as error:
        _log.warning("sign-in failed", extra=_log_fields(provider_id, error))
        response = _repeated(error, request, core) or _with_callback_url(
            _failed(error, flow, core), flow, request, core
        )
    deleted = core.checks.clear(params.get("state"), request.cookies)
    return replace(response, cookies=(*deleted, *response.cookies))


def _failed(error: AuthError, flow: Flow | None, core: Core) -> ActionResponse:
    if flow is None:
        return error_redirect(error, core)
    return error_redirect(error, core, purpose=flow.purpose, callback_url=flow.callback_url)


def _with_callback_url(
    response: ActionResponse, flow: Flow | None, request: ActionRequest, core: Core
) -> ActionResponse:
    # Another tab may have begun a sign-in since, with a callback URL of its own.
    if flow is None or flow.purpose != "sign_in":
        return response
    return replace(response, cookies=callback_url_cookie(flow.callback_url, request, core))


def _repeated(error: AuthError, request: ActionRequest, core: Core) -> ActionResponse | None:
    # The browser repeats a callback that has succeeded, so the flow's cookie is gone. A signed-in user sees no error.
    if not isinstance(error, InvalidCheck) or reader.read(request.cookies, core.sessions).session is None:
        return None
    callback_url = request.cookies.get(core.cookie_names.callback_url)
    return ActionResponse(location=apply_redirect_callback(callback_url or "/", core))


def _log_fields(provider_id: str, error: AuthError) -> dict[str, str | None]:
    # The id of an unknown provider is text from the request. It stays out of the log.
    provider = None if isinstance(error, InvalidProvider) else provider_id
    return {
        "event": "sign-in-failed",
        "provider": provider,
        "code": error.code,
        "reason": error.reason,
        "detail": str(error),
    }
