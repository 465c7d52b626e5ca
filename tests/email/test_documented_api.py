"""The function of the documentation that sends mails by an HTTP API, run against a server of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from genkan.email.message import SendMail
from genkan.email.outbox import OutboxSender
from genkan.errors import UndeliverableMail
from genkan.settings.environment import ROOT
from genkan.web.state import get_state
from tests.clock import FrozenClock
from tests.docs.blocks import blocks_of
from tests.email.mailboxes import MAIL, MemoryOutbox
from tests.servers.http_server import Call, CannedResponse, Server


class API:
    """The HTTP API. It keeps the calls and answers with `status`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.status = 200

    def answer(self, call: Call) -> CannedResponse:
        self.calls.append(call)
        return CannedResponse.json({"id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}, self.status)


@pytest.fixture(name="api")
def _api() -> API:
    return API()


@pytest.fixture(name="names")
def _names(api: API, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Run the snippet of the page with the settings that it reads, and yield its names."""
    server = Server(api.answer)
    server.start()
    monkeypatch.setenv("RESEND_URL", f"http://127.0.0.1:{server.port}/emails")
    monkeypatch.setenv("AUTH_RESEND_KEY", "re_123")
    monkeypatch.setenv("AUTH_EMAIL_FROM", "Example <login@example.com>")
    (snippet,) = (block for block in blocks_of(ROOT / "docs/how-to/send-mail.md") if "send_by_resend" in block.text)
    names: dict[str, Any] = {"__name__": "documented"}
    exec(compile(snippet.text, snippet.place, "exec", dont_inherit=True), names)  # noqa: S102 (of our own document)
    yield names
    server.stop()
    assert server.errors == []


@pytest.fixture(name="send")
def _send(names: dict[str, Any]) -> SendMail:
    send: SendMail = names["send_by_resend"]
    return send


def test_the_api_gets_the_mail(names: dict[str, Any], send: SendMail, api: API, clock: FrozenClock) -> None:
    outbox = MemoryOutbox(clock)
    sender = OutboxSender(outbox, send, ("tests-only-secret-that-protects-nothing-at-all",), clock)
    outbox.add(sender.create(MAIL, expires=int(clock()) + 600))
    assert sender.send_now() == 1

    (call,) = api.calls
    assert (call.method, call.path, call.headers["Authorization"]) == ("POST", "/emails", "Bearer re_123")
    assert json.loads(call.raw) == {
        "from": "Example <login@example.com>",
        "to": [MAIL.to],
        "subject": MAIL.subject,
        "text": MAIL.text,
        "html": MAIL.html,
    }
    settings = get_state(names["app"]).read_settings
    assert settings is not None


def test_only_a_refused_mail_is_final(send: SendMail, api: API) -> None:
    api.status = 422
    with pytest.raises(UndeliverableMail):
        send(MAIL)
    for api.status in (401, 429, 500):
        with pytest.raises(requests.HTTPError):
            send(MAIL)
