"""The doors of the development identity provider; the app opens them where `settings.development_provider` says so."""

from __future__ import annotations

from flask import Blueprint, Response, abort, jsonify, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from genkan.dev_provider import PATH, PRESETS, DevelopmentProvider
from genkan.http.messages import ActionResponse
from genkan.web import exempt_blueprint


def create_blueprint(provider: DevelopmentProvider) -> Blueprint:
    """Everything below /development for this provider."""
    blueprint = exempt_blueprint(Blueprint("development", __name__, url_prefix=PATH))
    blueprint.after_request(_keep_nothing)
    _add_pages(blueprint, provider)
    _add_back_channel(blueprint, provider)
    return blueprint


def _add_pages(blueprint: Blueprint, provider: DevelopmentProvider) -> None:
    @blueprint.get("/authorize")
    def ask() -> BaseResponse:
        return _respond(provider.authorize(_lists(request.args)))

    @blueprint.post("/authorize")
    def authorize_submit() -> BaseResponse:
        return _respond(provider.authorize_submit(_lists(request.form)))

    @blueprint.get("/end-session")
    def ask_end_session() -> BaseResponse:
        return _respond(provider.end_session_page(_lists(request.args)))

    @blueprint.post("/end-session")
    def end_session() -> BaseResponse:
        return _respond(provider.end_session(_lists(request.form)))

    @blueprint.get("/pictures/<key>.svg")
    def picture(key: str) -> Response:
        if key not in PRESETS:
            abort(404)
        drawing = render_template("genkan/development/picture.svg", user=PRESETS[key])
        return Response(drawing, mimetype="image/svg+xml")


def _add_back_channel(blueprint: Blueprint, provider: DevelopmentProvider) -> None:
    @blueprint.get("/.well-known/openid-configuration")
    def metadata() -> BaseResponse:
        return _respond(provider.metadata())

    @blueprint.get("/jwks")
    def jwks() -> BaseResponse:
        return _respond(provider.jwks())

    @blueprint.post("/token")
    def token() -> BaseResponse:
        return _respond(provider.token(_lists(request.form), _authorization()))

    @blueprint.route("/userinfo", methods=["GET", "POST"])
    def userinfo() -> BaseResponse:
        return _respond(provider.userinfo(_authorization()))


def _lists(values: MultiDict[str, str]) -> dict[str, list[str]]:
    return values.to_dict(flat=False)


def _authorization() -> str:
    return request.headers.get("Authorization", "")


def _respond(reply: ActionResponse) -> BaseResponse:
    response: BaseResponse
    if reply.location is not None:
        response = redirect(reply.location, reply.status)
    elif reply.template is not None:
        response = make_response(render_template(reply.template.name, **reply.template.context), reply.status)
    else:
        response = make_response(jsonify(reply.body), reply.status)
    response.headers.update(reply.headers)
    return response


def _keep_nothing(response: Response) -> Response:
    # Codes, tokens and pages that name people: RFC 6749 5.1 asks it of the token endpoint, we of all.
    response.headers["Cache-Control"] = "no-store"
    return response
