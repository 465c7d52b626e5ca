"""One handler for each door of `/api/auth`: receive, let the action decide, perform."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response, render_template, request
from werkzeug.exceptions import MethodNotAllowed

from genkan import discovery
from genkan.actions import session as sessions
from genkan.actions.callback import callback as finish_sign_in
from genkan.actions.landing import callback_url, failure, remember
from genkan.actions.session import NOBODY
from genkan.actions.sign_in import sign_in as begin_sign_in
from genkan.actions.sign_out import sign_out as end_session
from genkan.errors import CrossSite, UnknownAction
from genkan.flask.envelope import NOT_CACHED, json_response, perform, receive
from genkan.flask.guard import RETRY_SECONDS
from genkan.flask.state import state
from genkan.flask.visit import auth, csrf_pair, park, reading, renew_csrf_token, replace_reading, request_id
from genkan.http import Reply
from genkan.messages import Message, message_for
from genkan.options import Options
from genkan.providers.base import Provider
from genkan.redirects import origin_of, path_of

_SESSION_HEADERS = [*NOT_CACHED.items()]


def session() -> Response:
    """`GET /api/auth/session`: the session, or null; 503 when that can't be told."""
    found = reading()
    if found.failed:
        answer = json_response(None, 503)
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
        return answer
    response = Response(found.known.body if found.known else b"null", content_type="application/json")
    response.headers._list.extend(_SESSION_HEADERS)  # noqa: SLF001 (constants, as in headers.py)
    return response


def update_session() -> Response:
    """`POST /api/auth/session`: what a client asks to change; the new session, or null."""
    reply = sessions.update(receive(), state().options)
    replace_reading(NOBODY)
    return perform(reply)


def csrf() -> Response:
    """`GET /api/auth/csrf`: the token, and the cookie that vouches for it."""
    return json_response({"csrfToken": csrf_pair().token})


def providers() -> Response:
    """`GET /api/auth/providers`: what one can sign in with, in order, with absolute URLs."""
    options = state().options
    return json_response(
        {
            provider.id: {
                "id": provider.id,
                "name": provider.name,
                "type": provider.type,
                "signinUrl": options.url(f"/signin/{provider.id}"),
                "callbackUrl": options.url(f"/callback/{provider.id}"),
            }
            for provider in options.providers.values()
        }
    )


def sign_in_page() -> Response:
    """`GET /api/auth/signin`: a button for each provider; or the way to the application's own page."""
    options = state().options
    asked = receive()
    landing = callback_url(asked, options)
    park(*remember(landing, asked, options))
    error = asked.query.get("error")
    if options.pages.sign_in:
        query = {"callbackUrl": landing, **({"error": error} if error else {})}
        return perform(Reply(location=_with_query(options.origin + options.pages.sign_in, query)))
    message = message_for(error, asked.query.get("reason")) if error else None
    response = _page(
        "auth/sign_in.html",
        message,
        providers=list(options.providers.values()),
        callback_url=path_of(landing, options.origin),
        session=auth(),
    )
    response.headers["Content-Security-Policy"] = state().headers.policy(*_form_targets(options))
    return response


def start_sign_in(provider_id: str | None = None) -> Response:
    """`POST /api/auth/signin/<provider>`: to the provider."""
    try:
        return perform(begin_sign_in(provider_id, receive(), state().options))
    except CrossSite as error:
        return _cross_site(error)


def callback(provider_id: str) -> Response:
    """`GET` and `POST /api/auth/callback/<provider>`: back from the provider; always a redirect, never a page."""
    if request.method == "HEAD":
        # Whoever only looks, such as a link checker, must not use up a sign-in.
        raise MethodNotAllowed(valid_methods=["GET", "POST"])
    reply = finish_sign_in(provider_id, receive(), state().options)
    replace_reading(NOBODY)
    return perform(reply)


def unknown_action(provider_id: str) -> Response:
    """A link can't start a sign-in, whoever the provider (S11)."""
    return perform(failure(UnknownAction(), state().options))


def sign_out_page() -> Response:
    """`GET /api/auth/signout`: a form that asks once more."""
    options = state().options
    asked = receive()
    if options.pages.sign_out:
        return perform(Reply(location=options.origin + options.pages.sign_out))
    landing = callback_url(asked, options)
    park(*remember(landing, asked, options))
    return _page("auth/sign_out.html", None, callback_url=path_of(landing, options.origin), session=auth())


def sign_out() -> Response:
    """`POST /api/auth/signout`: nobody is signed in any more, and the answer already knows it."""
    options = state().options
    try:
        reply = end_session(receive(), options)
    except CrossSite as error:
        return _cross_site(error)
    replace_reading(NOBODY)
    for cookie in reply.cookies:
        if cookie.name == options.names.csrf:
            renew_csrf_token(cookie)
    return perform(reply)


def error_page() -> Response:
    """`GET /api/auth/error`: what went wrong in our words, as 4xx or 503, and a way to try again."""
    options = state().options
    asked = receive()
    code = asked.query.get("error")
    if options.pages.error:
        return perform(Reply(location=_with_query(options.origin + options.pages.error, {"error": code or ""})))
    message = message_for(code, asked.query.get("reason"))
    return _page("auth/error.html", message, retry_url=path_of(options.url("/signin"), options.origin))


def verify_request_page() -> Response:
    """`GET /api/auth/verify-request`: look into your mailbox."""
    options = state().options
    if options.pages.verify_request:
        return perform(Reply(location=_with_query(options.origin + options.pages.verify_request, receive().query)))
    return _page("auth/verify_request.html", None)


@dataclass(frozen=True, slots=True)
class _Target:
    provider: Provider
    endpoint: str | None


def _form_targets(options: Options) -> list[str]:
    """Where the sign-in forms may lead by redirect, which browsers hold against `form-action` too (H1).

    As long as a provider has not been asked for its metadata, its authorization endpoint is unknown and any https
    address will do; afterwards only that origin.
    """
    known = [
        _Target(provider, discovery.known_authorization_endpoint(provider, options))
        for provider in options.providers.values()
    ]
    targets = {origin for target in known if target.endpoint and (origin := origin_of(target.endpoint))}
    for target in known:
        if target.endpoint is None:
            targets |= {"https:", origin_of(target.provider.issuer or "") or "https:"}
    return sorted(targets - {options.origin})


def _page(template: str, message: Message | None, **context: object) -> Response:
    html = render_template(template, error=message, request_id=request_id(), **context)
    response = Response(html, message.status if message else 200, content_type="text/html; charset=utf-8")
    if message is not None and message.status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _cross_site(error: CrossSite) -> Response:
    return _page("auth/error.html", message_for(error.code, error.reason), retry_url="/")


def _with_query(url: str, query: object) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"  # type: ignore[arg-type]
