"""Require a session for every view that is not `@public`, and a CSRF token for every unsafe request.

Requests without a session get 303 (page), 401 with HX-Redirect (htmx) or 401 JSON.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial, update_wrapper, wraps
from inspect import ismethod
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

from flask import Blueprint, Flask, Request, Response, abort, current_app, request_started
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import LengthRequired, NotFound
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

from genkan.errors import AuthError, ConfigurationError
from genkan.http.csrf import SAFE_METHODS
from genkan.oauth.reauthentication import Level, is_fresh
from genkan.types import Session
from genkan.web.context import auth, get_core, session_result, site_root
from genkan.web.convert import to_csrf_request
from genkan.web.responses import JSON_MARK, deny, forbidden, json_response, unauthorized, wants_json
from genkan.web.state import EXTENSION, AppState, Marks, get_request, get_state
from genkan.web.urls.external import set_request_origin
from genkan.web.urls.sign_in import confirm_url

_log = logging.getLogger("genkan.access")

View = TypeVar("View", bound=Callable[..., Any])

_PUBLIC, _CSRF_EXEMPT, _NEEDS = "genkan_public", "genkan_csrf_exempt", "genkan_needs"


def public(view: View) -> View:
    """Allow requests without a session for this view."""
    return _set_mark(view, _PUBLIC)


def csrf_exempt(view: View) -> View:
    """Exempt a view from the automatic CSRF check. The view must check the token itself."""
    return _set_mark(view, _CSRF_EXEMPT)


def _set_mark(view: View, mark: str) -> View:
    if ismethod(view):
        # A bound method takes no attribute, and its function is that of every instance.
        view = cast("View", update_wrapper(partial(view), view))
    setattr(view, mark, True)
    return view


def json_blueprint(blueprint: Blueprint) -> Blueprint:
    """Respond with JSON to the refused requests of this blueprint and its child blueprints, never with a redirect."""
    setattr(blueprint, JSON_MARK, True)
    return blueprint


class BlueprintMethods:
    """The methods of `Genkan` for blueprints."""

    _marks: Marks

    def protect(self, blueprint: Blueprint) -> Blueprint:
        """Require a session for every view of this blueprint, and a CSRF token for every unsafe request, as `strict` does.

        The views of child blueprints are included, unless one is marked itself. `@public` opens a view. A blueprint may be
        marked before or after it is registered.
        """
        self._marks.set(blueprint, protected=True)
        return blueprint

    def exempt(self, blueprint: Blueprint) -> Blueprint:
        """Require neither a session nor a CSRF token in this blueprint and its child blueprints, also with `strict`."""
        self._marks.set(blueprint, protected=False)
        return blueprint

    json_blueprint = staticmethod(json_blueprint)


def own_blueprint(blueprint: Blueprint, *, exempt: bool = False) -> Blueprint:
    """Mark a blueprint of the package: its views have the checks and headers of `strict`, and the functions of our
    templates.

    With `exempt` they have no session check and no CSRF check.
    """

    def register(setup: BlueprintSetupState) -> None:
        if EXTENSION in setup.app.extensions:
            state = get_state(setup.app)
            state.own_blueprints.add(setup.name)
            if exempt:
                state.marks.exempt.add(blueprint)

    blueprint.record(register)
    blueprint.context_processor(_template_context)
    return blueprint


def _template_context() -> dict[str, object]:
    # The development provider can be served by an application without Genkan.
    state: AppState | None = current_app.extensions.get(EXTENSION)
    return {} if state is None else state.template_context


def require_session() -> Session:
    """Return the session. Ends the request like `unauthorized` if no user is signed in."""
    session = auth()
    return abort(unauthorized()) if session is None else session


def login_required(view: View) -> View:
    """Require a session for this view. Stands below the route. Other requests are refused as by `unauthorized`."""

    @wraps(view)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        if auth() is None and not _answers_options(view):
            return unauthorized()
        return current_app.ensure_sync(view)(*args, **kwargs)

    return cast("View", _note(decorated, "session"))


def roles_required(*roles: str) -> Callable[[View], View]:
    """Require a session whose user has one of these roles. Another role gets 403. Stands below the route."""

    def decorate(view: View) -> View:
        @wraps(view)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            session = auth()
            if _answers_options(view):
                return current_app.ensure_sync(view)(*args, **kwargs)
            if session is None:
                return unauthorized()
            if session.user.role not in roles:
                return json_response({"error": "Forbidden"}, 403) if wants_json() else abort(403)
            return current_app.ensure_sync(view)(*args, **kwargs)

        return cast("View", _note(decorated, "session", f"role={','.join(roles)}"))

    return decorate


def fresh_login_required(*, within: int, level: Level | None = None) -> Callable[[View], View]:
    """Require that the user authenticated in the last `within` seconds, with `mfa` by two factors. Stands below the route.

    Other requests are refused as by `require_fresh`, before the view runs. Raises ConfigurationError for `within` <= 0.
    """
    _check_within(within)

    def decorate(view: View) -> View:
        @wraps(view)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            refusal = None if _answers_options(view) else require_fresh(within, level)
            return current_app.ensure_sync(view)(*args, **kwargs) if refusal is None else refusal

        return cast("View", _note(decorated, "session", f"fresh={within}{f',{level}' if level else ''}"))

    return decorate


def require_fresh(within: int, level: Level | None = None) -> Response | None:
    """Return None if the user authenticated in the last `within` seconds, with `mfa` by two factors, else what asks for it.

    Without a session that is `unauthorized()`. Otherwise 401 JSON with `"reason": "fresh"`, 401 with HX-Redirect, or
    303, to the sign-in page where the same user confirms their identity, or for `mfa` to the page where a user without a
    second factor adds one. Raises ConfigurationError for `within` <= 0.
    """
    _check_within(within)
    result = session_result()
    if result.cached is None:
        return unauthorized()
    if is_fresh(result.token, within, get_core().clock(), level):
        return None
    body = {"error": "Unauthorized", "reason": "fresh", **({"level": level} if level else {})}
    return deny(401, body, "Confirm that it is you to continue.", confirm_url(result.user_id, level))


def needs_of(view: object) -> tuple[str, ...]:
    """Return what the decorators of a view require: `session`, `role=admin,editor` or `fresh=300`. `@wraps` keeps it."""
    return getattr(view, _NEEDS, ())


def _note(decorated: Callable[..., Any], *needs: str) -> Any:
    setattr(decorated, _NEEDS, tuple(dict.fromkeys((*needs_of(decorated), *needs))))
    return decorated


def make_check_access(app: Flask) -> Callable[[], BaseResponse | None]:
    """Return the `before_request` function. The endpoints are collected at the first request."""
    state = get_state(app)
    state.at_first_request.insert(0, partial(collect_endpoints, app, state))
    # Before the `before_request` functions of the application, which may ask for the user.
    request_started.connect(state.prepare, app)

    def check_access() -> BaseResponse | None:
        if not state.is_prepared:
            state.prepare()
        if state.collected_changes != state.marks.changes:
            # A blueprint was marked after the first request.
            collect_endpoints(app, state)
        for function in state.before_request:
            if (response := function()) is not None:
                return response
        return _check_access(app, state)

    return check_access


def _check_access(app: Flask, state: AppState) -> Response | None:
    request = get_request()
    endpoint = request.endpoint
    if state.strict:
        set_request_origin(app, state.core)
    elif endpoint not in state.protected and not state.is_own(endpoint):
        return None
    is_unsafe = request.method not in SAFE_METHODS
    if endpoint is None:
        return _redirect_to_canonical(request, state)
    if is_unsafe and "HTTP_TRANSFER_ENCODING" in request.environ and not request.environ.get("wsgi.input_terminated"):
        # This server does not decode chunks, so the body would be empty.
        raise LengthRequired
    if is_unsafe and endpoint not in state.csrf_exempt:
        try:
            state.core.csrf.verify(to_csrf_request())
        except AuthError as error:
            extra = {"event": "csrf-failed", "code": error.code, "detail": str(error)}
            _log.warning("request refused", extra=extra)
            return forbidden(error)
    if endpoint in state.public or _answers_options(app.view_functions[endpoint]) or auth() is not None:
        return None
    return unauthorized()


def _answers_options(view: object) -> bool:
    """Return True for OPTIONS if Flask answers it, or a decorator of the view: that is what its attribute means.

    A browser asks so before a request to another origin, without cookies.
    """
    request = get_request()
    if request.method != "OPTIONS":
        return False
    is_automatic = getattr(request.url_rule, "provide_automatic_options", False)
    return is_automatic or getattr(view, "provide_automatic_options", None) is False


def collect_endpoints(app: Flask, state: AppState) -> None:
    """Set the endpoints whose views or blueprints are marked in `state`."""
    changes = state.marks.changes
    marks = {endpoint: _mark(app, endpoint, state.marks) for endpoint in app.view_functions}
    exempt = {endpoint for endpoint, mark in marks.items() if mark == "exempt"}
    state.protected = {endpoint for endpoint, mark in marks.items() if mark == "protected"}
    state.csrf_exempt = exempt | _marked(app, _CSRF_EXEMPT)
    state.public = {"static"} | exempt | _marked(app, _PUBLIC)
    decorated = {endpoint for endpoint, view in app.view_functions.items() if needs_of(view)}
    state.needing_session = decorated | (state.protected - state.public)
    state.collected_changes = changes


def _mark(app: Flask, endpoint: str, marks: Marks) -> str | None:
    """Return the mark of the endpoint's blueprint, or of its nearest parent that has one."""
    name = endpoint
    while name := name.rpartition(".")[0]:
        blueprint = app.blueprints.get(name)
        if blueprint in marks.exempt:
            return "exempt"
        if blueprint in marks.protected:
            return "protected"
    return None


def _marked(app: Flask, mark: str) -> set[str]:
    return {endpoint for endpoint, view in app.view_functions.items() if getattr(view, mark, False)}


def _redirect_to_canonical(request: Request, state: AppState) -> Response | None:
    error = request.routing_exception
    if not isinstance(error, RequestRedirect):
        return None
    if request.method not in SAFE_METHODS:
        raise NotFound
    # A path with a missing slash. Werkzeug's own redirect would use the Host header.
    path = urlunsplit(urlsplit(error.new_url)._replace(scheme="", netloc=""))
    if not path.startswith("/"):
        # A proxy passed on a scheme that is none, so the URL has no host that could be removed.
        raise NotFound
    return Response(
        status=308, headers={"Location": state.core.origin + site_root() + path.removeprefix(request.script_root)}
    )


def _check_within(within: int) -> None:
    if within <= 0:
        raise ConfigurationError(
            f"fresh_login_required(within={within}): no sign-in is that recent. Give seconds, such as 300."
        )
