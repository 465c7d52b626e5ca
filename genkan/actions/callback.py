"""What came back from a provider: whether this browser's flow is behind it, and what that flow was for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from genkan.actions.attempt import CallbackContext
from genkan.actions.callback_url import apply_redirect_callback, callback_url_cookie, error_redirect
from genkan.actions.entering import complete_reauthentication, complete_sign_in
from genkan.actions.link import link
from genkan.core import Core
from genkan.errors import AdapterError, AdapterUnavailable, AuthError, InvalidCheck, InvalidProvider
from genkan.http import cookies
from genkan.http.messages import ActionRequest, ActionResponse, Cookie
from genkan.oauth import checks
from genkan.oauth.checks import FLOW_MAX_AGE, Flow, Purpose
from genkan.session import reader

_log = logging.getLogger("genkan.callback")


def callback(provider_id: str, request: ActionRequest, options: Core) -> ActionResponse:
    """Finish what was begun: exchange the code, do what the flow is for, and land where it was to end.

    The flow is used up before the provider is asked, so a code is spent once however often the callback arrives
    (O14); its cookie goes whatever comes of it. An existing session stays until a new one takes its place.
    """
    params = {**request.query, **{k: v for k, v in request.body.items() if isinstance(v, str)}}
    spent = checks.clear_flow(params.get("state"), request.cookie_header, options)
    purpose: Purpose = "sign_in"
    landing = ""
    try:
        provider = options.providers.get(provider_id)
        if provider is None:
            raise InvalidProvider
        flow = checks.use(provider.id, params.get("state"), request.cookie_header, options)
        purpose, landing = flow.purpose, flow.callback_url
        if not _spend(flow, options):
            return ActionResponse(location=flow.callback_url)
        return _FINISH[flow.purpose](CallbackContext(provider, flow, params, request, options, spent))
    except AdapterError:
        return error_redirect(AdapterUnavailable(), options, spent, purpose=purpose, callback_url=landing)
    except AuthError as error:
        _log.warning("sign-in failed", extra=_why(provider_id, error))
        # Another tab may have begun a sign-in since, and left its own way back.
        way_back = callback_url_cookie(landing, request, options) if landing and purpose == "sign_in" else ()
        return _came_again(error, request, options, spent) or error_redirect(
            error, options, (*spent, *way_back), purpose=purpose, callback_url=landing
        )


_FINISH: Mapping[Purpose, Callable[[CallbackContext], ActionResponse]] = {
    "sign_in": complete_sign_in,
    "fresh": complete_reauthentication,
    "link": link,
}


def _spend(flow: Flow, options: Core) -> bool:
    return options.adapter.use_once(flow.one_time_id, options.clock() + FLOW_MAX_AGE)


def _why(provider_id: str, error: AuthError) -> dict[str, str | None]:
    # An unknown provider's name is the visitor's own text and stays out of the log.
    provider = None if isinstance(error, InvalidProvider) else provider_id
    return {
        "event": "sign-in-failed",
        "provider": provider,
        "code": error.code,
        "reason": error.reason,
        "why": str(error),
    }


def _came_again(
    error: AuthError, request: ActionRequest, options: Core, spent: tuple[Cookie, ...]
) -> ActionResponse | None:
    # A callback that comes again after it succeeded finds its flow gone; whoever is signed in is not told off.
    if not isinstance(error, InvalidCheck) or reader.read(request.cookie_header, options).session is None:
        return None
    remembered = cookies.read(request.cookie_header, options.cookie_names.callback_url)
    return ActionResponse(location=apply_redirect_callback(remembered or "/", options), cookies=spent)
