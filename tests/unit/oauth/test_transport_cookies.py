"""Cookies of providers are not sent back."""

from __future__ import annotations

import requests

from genkan.oauth.transport.adapters import mount_adapters
from tests.servers.http_server import Call, CannedResponse, Server


# requirement O13
def test_a_cookie_set_by_a_provider_is_not_sent_back() -> None:
    sent: list[str | None] = []

    def answer(call: Call) -> CannedResponse:
        sent.append(call.headers.get("Cookie"))
        return CannedResponse(b"{}", headers={"Set-Cookie": "track=me; Path=/"})

    server = Server(answer)
    server.start()
    try:
        with requests.Session() as session:
            mount_adapters(session)
            for _ in range(2):
                assert session.get(f"http://127.0.0.1:{server.port}/").status_code == 200
            assert len(session.cookies) == 0
    finally:
        server.stop()

    assert sent == [None, None]
