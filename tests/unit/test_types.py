"""What an application and a browser are told of somebody: an allow-list, in Auth.js's shape."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from genkan.types import Account, Session, SessionUser, to_iso

NOON = datetime(2026, 12, 23, 12, tzinfo=UTC)


def test_name_address_and_picture_are_always_told_and_id_and_role_when_there_are_any() -> None:
    assert SessionUser().to_json() == {"name": None, "email": None, "image": None}
    assert SessionUser("Ada", id="1", role="owner").to_json() == {
        "name": "Ada",
        "email": None,
        "image": None,
        "id": "1",
        "role": "owner",
    }


def test_what_an_application_adds_stands_beside_the_known_fields_and_never_in_their_place() -> None:
    user = SessionUser("Ada", id="1", extra={"plan": "free", "name": "Eve", "id": "2"})
    session = Session(user, NOON, extra={"theme": "dark", "user": None, "expires": "never"})
    assert session.to_json() == {
        "theme": "dark",
        "user": {"plan": "free", "name": "Ada", "email": None, "image": None, "id": "1"},
        "expires": "2026-12-23T12:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-12-23T12:00:00.000Z"),
        (NOON + timedelta(microseconds=1_999), "2026-12-23T12:00:00.001Z"),
        (NOON.astimezone(timezone(timedelta(hours=9))), "2026-12-23T12:00:00.000Z"),
    ],
)
def test_a_moment_is_written_as_javascript_writes_it(moment: datetime, text: str) -> None:
    assert to_iso(moment) == text


def test_a_session_can_not_be_changed_and_an_account_does_not_show_its_tokens() -> None:
    session = Session(SessionUser("Ada"), NOON)
    with pytest.raises(AttributeError):
        session.user.name = "Eve"  # type: ignore[misc]
    assert "ya29" not in repr(Account("hub", "ada", "oidc", {"access_token": "ya29"}))
