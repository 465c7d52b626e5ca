"""SQLite: a request of the application that writes does not wait for itself."""

from __future__ import annotations

from time import monotonic

import pytest

from genkan import auth
from tests.clock import FrozenClock
from tests.extension.own_users.conftest import MakeShop, client_of
from tests.extension.own_users.shops import LIBRARIES
from tests.servers.faulty.provider import FaultyProvider


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("seconds", [400, 25 * 3600])
def test_a_view_that_has_written_and_not_committed_is_not_delayed(
    make: MakeShop, op: FaultyProvider, clock: FrozenClock, library: str, seconds: int
) -> None:
    """A session that is due to be recorded as seen, or to be re-issued, is written after the view."""
    shop = make(library=library)

    @shop.app.get("/write")
    def write() -> str:
        shop.session.add(shop.User(name="Draft"))
        shop.session.flush()
        session = auth()
        return session.user.name or "" if session else ""

    client = client_of(shop, op)
    client.sign_in_as()
    clock.advance(seconds)
    start = monotonic()
    response = client.get("/write")
    assert response.text == "Vera Visitor"
    assert monotonic() - start < 2
    assert client.get("/write").text == "Vera Visitor"
    assert [user.name for user in shop.users()] == ["Vera Visitor"]
