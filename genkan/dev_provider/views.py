"""Routes of the development identity provider."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, abort, current_app, jsonify, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response as BaseResponse

from genkan.dev_provider import PATH, gate
from genkan.http.messages import ActionResponse
from genkan.web.access import own_blueprint
from genkan.web.context import get_core

if TYPE_CHECKING:
    from genkan.dev_provider.endpoints import DevelopmentProvider

PAGES = {"authorize", "authorize_submit", "end_session_page", "end_session"}
"""Views for a browser. The others need a code or a token that one of these has issued."""


def create_blueprint(
    providers: Sequence[DevelopmentProvider], path: str = PATH, *, gated: bool = True, any_server: bool = False
) -> Blueprint:
    """Return the blueprint with the routes below `path`. `providers` is empty while the provider is off: 404.

    With `gated`, pages are served to a browser on this computer only, whatever the settings say. With `any_server` other
    servers than Werkzeug's may serve them, because the settings say that this is development.
    """
    blueprint = own_blueprint(Blueprint("genkan_development", __name__, url_prefix=path), exempt=True)
    blueprint.after_request(_set_no_store)
    provider = cast("DevelopmentProvider", LocalProxy(lambda: providers[0] if providers else abort(404)))
    if gated:
        blueprint.before_request(partial(_check_gate, provider, any_server))
    _add_pages(blueprint, provider)
    _add_json_endpoints(blueprint, provider)
    return blueprint


def _check_gate(provider: DevelopmentProvider, any_server: bool) -> None:
    # The provider exists after the settings have been read, and this may be the first request after a restart.
    get_core()
    is_page = (request.endpoint or "").rpartition(".")[2] in PAGES
    is_debugged = any_server or current_app.debug or current_app.testing
    if is_page and not gate.is_local(request.environ, debug=is_debugged, private=provider.admits_private_peers):
        abort(404)


def _add_pages(blueprint: Blueprint, provider: DevelopmentProvider) -> None:
    @blueprint.get("/authorize")
    def authorize() -> BaseResponse:
        return _respond(provider.authorize(_all_values(request.args)))

    @blueprint.post("/authorize")
    def authorize_submit() -> BaseResponse:
        return _respond(provider.authorize_submit(_all_values(request.form)))

    @blueprint.get("/end-session")
    def end_session_page() -> BaseResponse:
        return _respond(provider.end_session_page(_all_values(request.args)))

    @blueprint.post("/end-session")
    def end_session() -> BaseResponse:
        return _respond(provider.end_session(_all_values(request.form)))

    @blueprint.get("/pictures/<key>.svg")
    def picture(key: str) -> Response:
        from genkan.dev_provider.users import PRESETS  # noqa: PLC0415 (as the other modules of the provider)

        if key not in PRESETS:
            abort(404)
        svg = render_template("genkan/development/picture.svg", user=PRESETS[key])
        return Response(svg, mimetype="image/svg+xml")


def _add_json_endpoints(blueprint: Blueprint, provider: DevelopmentProvider) -> None:
    @blueprint.get("/.well-known/openid-configuration")
    def metadata() -> BaseResponse:
        return _respond(provider.metadata())

    @blueprint.get("/jwks")
    def jwks() -> BaseResponse:
        return _respond(provider.jwks())

    @blueprint.post("/token")
    def token() -> BaseResponse:
        return _respond(provider.token(_all_values(request.form), _authorization()))

    @blueprint.route("/userinfo", methods=["GET", "POST"])
    def userinfo() -> BaseResponse:
        return _respond(provider.userinfo(_authorization()))


def _all_values(values: MultiDict[str, str]) -> dict[str, list[str]]:
    return values.to_dict(flat=False)


def _authorization() -> str:
    return request.headers.get("Authorization", "")


def _respond(action_response: ActionResponse) -> BaseResponse:
    response: BaseResponse
    if action_response.location is not None:
        response = redirect(action_response.location, action_response.status)
    elif action_response.template is not None:
        response = make_response(
            render_template(action_response.template.name, **action_response.template.context), action_response.status
        )
    else:
        response = make_response(jsonify(action_response.body), action_response.status)
    response.headers.update(action_response.headers)
    return response


def _set_no_store(response: Response) -> Response:
    # RFC 6749, section 5.1 requires it for the token endpoint. The other responses contain codes or users as well.
    response.headers["Cache-Control"] = "no-store"
    return response
