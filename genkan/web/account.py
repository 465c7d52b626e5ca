"""`/account`: what is kept of whoever asks, where they are signed in, and how to change or end any of it.

Each form answers with its part of the page to HTMX, and leads back to the page without it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from genkan.actions import users
from genkan.errors import LastAccountError
from genkan.session.activity import ClientInfo
from genkan.types import str_claim
from genkan.web.access import fresh
from genkan.web.context import app_state, auth, get_core, session_result
from genkan.web.responses import is_htmx
from genkan.web.server_actions import link, sign_out

bp = Blueprint("account", __name__)

FRESH_MAX_AGE = 300
"""Seconds since somebody proved who they are, for what can't be undone or is a way in (S12)."""

ACTIVITY_LIMIT = 20
"""Lines of recent activity."""

NOTICES = {"renamed", "ended", "others-ended", "unlinked", "linked"}
"""What the page may say at the top of a part, after something was done."""

DELETED = "/?account=deleted"

Answer = str | Response | BaseResponse


@bp.get("/account")
def index() -> Response:
    """The whole page."""
    said = request.args.get("said")
    return _page(said=said if said in NOTICES else None)


@bp.post("/account/name")
def rename() -> Answer:
    """The name they want to be called by."""
    typed = request.form.get("name", "")
    try:
        user = users.rename(_me(), typed, _whence(), get_core())
    except ValueError:
        return _wrong("profile", 422, typed=typed[:1000])
    return _done("profile", "renamed", "session-changed") if user else abort(404)


@bp.post("/account/sessions/<sid>/end")
def end_session(sid: str) -> Answer:
    """One session; to end the one that asks is to sign out."""
    if sid == _here():
        return _leave("/")
    return _done("sessions", "ended") if users.revoke_session(_me(), sid, get_core()) else abort(404)


@bp.post("/account/sessions/end-others")
def end_others() -> Answer:
    """Every session but this one; also this one, where another application's token is all there is of it."""
    is_listed = _here() in {record.id for record in users.list_sessions(_me(), get_core())}
    users.revoke_sessions(_me(), get_core(), except_sid=_here() if is_listed else None)
    return _done("sessions", "others-ended") if is_listed else _leave("/")


@bp.post("/account/accounts/<provider_id>/link")
def link_account(provider_id: str) -> Answer:
    """Off to the provider, for one more way in; `link` sees to it that it is still them."""
    if get_core().adapter.get_user(_me()) is None:
        abort(404)
    return link(provider_id, redirect_to="/account?said=linked")


@bp.post("/account/accounts/<provider_id>/unlink")
@fresh(within=FRESH_MAX_AGE)
def unlink_account(provider_id: str) -> Answer:
    """One way in less, but never the last."""
    try:
        unlinked = users.unlink(_me(), provider_id, request.form.get("account", ""), _whence(), get_core())
    except LastAccountError:
        return _wrong("accounts", 409)
    return _done("accounts", "unlinked") if unlinked else abort(404)


@bp.get("/account/delete")
@fresh(within=FRESH_MAX_AGE)
def delete_page() -> str:
    """What goes, and whether they mean it."""
    user = get_core().adapter.get_user(_me()) or abort(404)
    return render_template("account/delete.html", user=user, **_sessions(), **_accounts())


@bp.post("/account/delete")
@fresh(within=FRESH_MAX_AGE)
def delete() -> Answer:
    """All of it goes."""
    users.delete(get_core().adapter.get_user(_me()) or abort(404), get_core())
    return _leave(DELETED)


@bp.app_template_filter("utc")
def utc(seconds: int) -> datetime:
    """A moment told in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def _profile() -> dict[str, Any]:
    return {"session": auth(), "user": get_core().adapter.get_user(_me())}


def _sessions() -> dict[str, Any]:
    records = users.list_sessions(_me(), get_core())
    # The one that asks stands first.
    return {"records": sorted(records, key=lambda record: record.id != _here()), "here": _here()}


def _accounts() -> dict[str, Any]:
    ways_in = users.list_accounts(_me(), get_core())
    return {"ways_in": ways_in, "further": users.linkable_providers(ways_in, get_core())}


def _activity() -> dict[str, Any]:
    return {"activity": users.list_activity(_me(), ACTIVITY_LIMIT, get_core())}


SECTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "profile": _profile,
    "facts": _profile,
    "sessions": _sessions,
    "accounts": _accounts,
    "activity": _activity,
}
"""The parts of the page, and what each shows."""


def _page(**more: Any) -> Response:
    known: dict[str, Any] = {}
    for look_up in (_profile, _sessions, _accounts, _activity):
        known |= look_up()
    html = render_template("account/index.html", provider_name=_provider_name, **known, **more)
    page = make_response(html)
    # Without JavaScript the forms for linking lead to a provider by redirect.
    page.headers["Content-Security-Policy"] = app_state().headers.sign_in_policy
    return page


def _draw(part: str, **more: Any) -> str:
    known = SECTIONS[part]()
    return render_template(f"account/_{part}.html", provider_name=_provider_name, **known, **more)


def _add_part(part: str) -> None:
    @bp.get(f"/partials/account/{part}", endpoint=part)
    def draw() -> str:
        return _draw(part)


for part in ("facts", "sessions", "activity"):
    _add_part(part)


def _done(part: str, said: str, event: str = "account-changed") -> Answer:
    if not is_htmx():
        return redirect(f"/account?said={said}", 303)
    answer = make_response(_draw(part, said=said))
    # Told to the body: whoever asked is swapped away by then.
    answer.headers["HX-Trigger"] = f'{{"{event}": {{"target": "body"}}}}'
    return answer


def _wrong(part: str, status: int, **more: Any) -> Answer:
    # No error answer is ever put into a page, so HTMX gets the part with what is wrong as one that is none.
    if is_htmx():
        return _draw(part, wrong=part, **more)
    return make_response(_page(wrong=part, **more), status)


def _leave(landing: str) -> Answer:
    left = sign_out(redirect_to=landing)
    if not is_htmx() or "HX-Redirect" in left.headers:
        return left
    return Response(status=204, headers={"HX-Redirect": landing, "Clear-Site-Data": '"cache"'})


def _me() -> str:
    return _claim("sub")


def _here() -> str:
    return _claim("sid")


def _claim(name: str) -> str:
    return str_claim(session_result().token, name) or ""


def _whence() -> ClientInfo:
    return ClientInfo.of(request.headers.get("User-Agent", ""), request.remote_addr)


def _provider_name(id: str) -> str:
    return users.provider_name(id, get_core())
