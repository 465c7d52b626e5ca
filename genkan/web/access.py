"""Closed by default: who may pass, and one refusal in three voices."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from flask import Blueprint, Flask, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import LengthRequired, NotFound, ServiceUnavailable
from werkzeug.routing import RequestRedirect

from genkan.core import BASE_PATH
from genkan.errors import AuthError, ConfigurationError
from genkan.http import cookies
from genkan.http.csrf import SAFE_METHODS
from genkan.http.urls import add_query
from genkan.types import JSON
from genkan.web.context import STATE_KEY, auth, current_request, session_result, sign_in_url
from genkan.web.convert import is_htmx, json_response, to_request
from genkan.web.error_messages import error_message
from genkan.web.headers import PRIVATE_HEADERS
from genkan.web.state import EXTENSION, State, get_state, state

_log = logging.getLogger("genkan.guard")

View = TypeVar("View", bound=Callable[..., Any])

RETRY_SECONDS = 5
"""What somebody is asked to wait when their session can't be read because something of ours is down."""

_PUBLIC, _SELF_GUARDED = "genkan_public", "genkan_guards_itself"


def public(view: View) -> View:
    """Let anybody visit this view; without it a view is for people who are signed in."""
    setattr(view, _PUBLIC, True)
    return view


def csrf_exempt(view: View) -> View:
    """This view checks for itself what unsafe requests must bring, because its answer to a lack is its own."""
    setattr(view, _SELF_GUARDED, True)
    return view


def json_blueprint(blueprint: Blueprint) -> Blueprint:
    """Refusals within this blueprint are JSON and never lead to a page."""
    blueprint.record(lambda setup: _house(setup).json_blueprints.add(setup.name))
    return blueprint


def exempt_blueprint(blueprint: Blueprint) -> Blueprint:
    """Everything in this blueprint is public and guards itself: another service that happens to live here."""

    def tell(setup: BlueprintSetupState) -> None:
        if EXTENSION in setup.app.extensions:
            get_state(setup.app).exempt_blueprints.add(setup.name)

    blueprint.record(tell)
    return blueprint


def _house(setup: BlueprintSetupState) -> State:
    if EXTENSION not in setup.app.extensions:
        raise ConfigurationError("Call genkan.web.init_app(app, options) before registering the blueprints.")
    return get_state(setup.app)


def check_access(house: State) -> Response | None:
    """Before every request: no unsafe one without its CSRF token, no private one without a session."""
    asked = current_request()
    asked.__dict__[STATE_KEY] = house
    endpoint = asked.endpoint
    if endpoint is None:
        return _tidied(asked.routing_exception, house)
    if asked.method not in SAFE_METHODS and "HTTP_TRANSFER_ENCODING" in asked.environ:
        # A broken chunk would surface as an error of ours wherever the body is read; browsers send a length.
        raise LengthRequired
    if asked.method not in SAFE_METHODS and endpoint not in house.csrf_exempt:
        refusal = _check_unsafe(house)
        if refusal is not None:
            return refusal
    if endpoint in house.public or auth() is not None:
        return None
    return unauthorized()


def unauthorized() -> Response:
    """The answer to somebody who is not signed in: 401 JSON, 401 with HX-Redirect, or 303 to the sign-in page.

    While that can't be told, it is `unavailable()`.
    """
    if session_result().failed:
        return service_unavailable()
    return deny(401, {"error": "Unauthorized"}, "Sign in to continue.", sign_in_url())


def deny(status: int, body: JSON, sentence: str, way: str) -> Response:
    """A refusal in three voices: `status` with `body` as JSON, `status` with HX-Redirect to `way`, or 303 to it."""
    if wants_json():
        return json_response(body, status)
    if is_htmx():
        # A redirect would be followed by the script and the sign-in page swapped into the fragment (C6).
        return _in_words(sentence, status, {"HX-Redirect": way})
    return Response(status=303, headers={"Location": way})


def service_unavailable() -> Response:
    """The answer while sessions can't be read: 503, and whoever is signed in stays so (S9).

    Raises it where a page was asked for, which the application's error page then is.
    """
    if wants_json():
        answer = json_response({"error": "Service Unavailable"}, 503)
    elif is_htmx():
        answer = _in_words("Sign-in is not available for a moment. Please try again.", 503, {})
    else:
        raise ServiceUnavailable(retry_after=RETRY_SECONDS)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def wants_json() -> bool:
    """Whether the current request is for a blueprint whose refusals are JSON."""
    return request.blueprint in state().json_blueprints


def make_check_access(app: Flask) -> Callable[[], Response | None]:
    """The guard for an application, which learns at its first request which endpoints are public."""
    house = get_state(app)

    def informed_guard() -> Response | None:
        if not house.public:
            apart = {name for name in app.view_functions if name.partition(".")[0] in house.exempt_blueprints}
            house.csrf_exempt |= apart | _marked(app, _SELF_GUARDED)
            house.public |= {"static"} | apart | _marked(app, _PUBLIC)
        for act in house.before_request:
            act()
        return check_access(house)

    return informed_guard


def _marked(app: Flask, mark: str) -> set[str]:
    return {endpoint for endpoint, view in app.view_functions.items() if getattr(view, mark, False)}


def _tidied(reason: Exception | None, house: State) -> Response | None:
    if not isinstance(reason, RequestRedirect):
        return None
    if request.method not in SAFE_METHODS:
        raise NotFound
    # An address with a slash too many or too few. Werkzeug's own answer would believe the Host header (R3).
    tidy = urlsplit(reason.new_url)._replace(scheme="", netloc="")
    return Response(status=308, headers={"Location": house.core.origin + urlunsplit(tidy)})


def _check_unsafe(house: State) -> Response | None:
    options = house.core
    asked = to_request(uploads=True)
    try:
        options.csrf.check_origin(asked.headers)
        options.csrf.check(cookies.read(asked.cookie_header, options.cookie_names.csrf), asked.csrf_token)
    except AuthError as error:
        _log.warning("request refused", extra={"event": "forgery-refused", "code": error.code, "why": str(error)})
        return _for_one_visitor(_refused(error))
    return None


def _refused(error: AuthError) -> Response:
    why = {"reason": error.reason} if error.reason else {}
    if wants_json():
        return json_response({"error": "Forbidden", "code": error.code, **why}, 403)
    again = add_query(f"{BASE_PATH}/error", {"error": error.code, **why})
    sentence = "This form has expired. Reload the page and send it again."
    if error.reason:
        # To send it again from there would not help.
        sentence = error_message(error.code, error.reason).message
    return _in_words(sentence, 403, {"HX-Redirect": again} if is_htmx() else {})


def _in_words(sentence: str, status: int, headers: dict[str, str]) -> Response:
    return Response(sentence, status, headers, content_type="text/plain; charset=utf-8")


def _for_one_visitor(response: Response) -> Response:
    # Their CSRF cookie was looked at, and nothing else that would make the answer private by itself (X1).
    response.headers.update(PRIVATE_HEADERS)
    return response
