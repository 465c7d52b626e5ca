"""Pages of the mailbox, which holds the mails of development."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import cast

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, render_template, request
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response as BaseResponse

from genkan.dev_provider import gate
from genkan.email.mailbox import Mailbox, ReceivedMail
from genkan.errors import AuthError
from genkan.web.access import own_blueprint
from genkan.web.context import get_core, site_root
from genkan.web.convert import to_csrf_request
from genkan.web.responses import accepts_only_json, forbidden, is_htmx

MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'"
)
"""Content-Security-Policy of a mail's HTML: no script, no form, nothing from a network. A link opens a page that is
free of it."""

_HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)
_NEW_TAB = '<base target="_blank">'


def create_blueprint(mailboxes: Sequence[Mailbox], path: str, *, any_server: bool = False) -> Blueprint:
    """Return the blueprint with the pages of the mailbox at `path`. `mailboxes` is empty while there is none: 404.

    The pages are served to a browser on this computer only, as those of the development provider. `any_server` is that of
    `genkan.dev_provider.views`.
    """
    # The gate comes before the CSRF check, so that other computers get 404 only.
    blueprint = own_blueprint(Blueprint("genkan_mailbox", __name__, url_prefix=path), exempt=True)
    mailbox = cast("Mailbox", LocalProxy(lambda: mailboxes[0] if mailboxes else abort(404)))
    blueprint.before_request(partial(_check_gate, mailboxes, any_server))
    blueprint.after_request(_set_no_store)
    blueprint.context_processor(lambda: {"mailbox_url": site_root() + path})
    _add_pages(blueprint, mailbox, path)
    return blueprint


def _check_gate(mailboxes: Sequence[Mailbox], any_server: bool) -> None:
    # The mailbox exists after the settings have been read, and this may be the first request after a restart.
    get_core()
    is_debugged = any_server or current_app.debug or current_app.testing
    is_private = bool(mailboxes) and mailboxes[0].admits_private_peers
    if not mailboxes or not gate.is_local(request.environ, debug=is_debugged, private=is_private):
        abort(404)


def _add_pages(blueprint: Blueprint, mailbox: Mailbox, path: str) -> None:
    @blueprint.get("")
    def index() -> str | Response:
        mails = mailbox.list()
        if accepts_only_json():
            return jsonify([_to_json(mail, mailbox.sender) for mail in mails])
        name = "_mails" if is_htmx() else "mailbox"
        return render_template(f"genkan/development/{name}.html", mails=mails)

    @blueprint.post("/empty")
    def empty() -> BaseResponse:
        try:
            get_core().csrf.verify(to_csrf_request())
        except AuthError as error:
            return forbidden(error)
        mailbox.clear()
        return redirect(site_root() + path, 303)

    @blueprint.get("/<id>")
    def mail(id: str) -> str:
        found = mailbox.find(id) or abort(404)
        return render_template("genkan/development/mail.html", received=found, sender=mailbox.sender)

    @blueprint.get("/<id>/html")
    def body(id: str) -> Response:
        found = mailbox.find(id) or abort(404)
        headers = {"Content-Security-Policy": MAIL_POLICY, "Referrer-Policy": "no-referrer"}
        return Response(_with_new_tabs(found.mail.html), mimetype="text/html", headers=headers)


def _to_json(received: ReceivedMail, sender: str) -> dict[str, str]:
    mail = received.mail
    sent = datetime.fromtimestamp(received.sent, UTC).isoformat(timespec="seconds")
    fields = {"to": mail.to, "from": sender, "subject": mail.subject, "text": mail.text, "html": mail.html}
    return {"id": received.id, **fields, "sent": sent}


def _with_new_tabs(html: str) -> str:
    """Return the page, whose links open in a new tab."""
    with_base, count = _HEAD.subn(lambda head: head[0] + _NEW_TAB, html, count=1)
    return with_base if count else _NEW_TAB + html


def _set_no_store(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
