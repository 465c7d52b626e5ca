"""JSON of sessions and users in Auth.js's format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from genkan.types import Account, Session, SessionUser, to_iso

NOON = datetime(2026, 12, 23, 12, tzinfo=UTC)


def test_json_of_a_user_has_name_email_and_image_and_id_and_role_if_set() -> None:
    assert SessionUser().to_json() == {"name": None, "email": None, "image": None}
    assert SessionUser("Ada", id="1", role="owner").to_json() == {
        "name": "Ada",
        "email": None,
        "image": None,
        "id": "1",
        "role": "owner",
    }


def test_an_unverified_email_address_is_not_in_the_json() -> None:
    assert "ada@example.org" not in str(SessionUser("Ada", unverified_email="ada@example.org").to_json())


def test_extra_fields_do_not_replace_known_fields() -> None:
    user = SessionUser("Ada", id="1", extra={"plan": "free", "name": "Eve", "id": "2"})
    session = Session(user, NOON, extra={"theme": "dark", "user": None, "expires": "never"})
    assert session.to_json() == {
        "theme": "dark",
        "user": {"plan": "free", "name": "Ada", "email": None, "image": None, "id": "1"},
        "expires": "2026-12-23T12:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (NOON, "2026-12-23T12:00:00.000Z"),
        (NOON + timedelta(microseconds=1_999), "2026-12-23T12:00:00.001Z"),
        (NOON.astimezone(timezone(timedelta(hours=9))), "2026-12-23T12:00:00.000Z"),
    ],
)
def test_a_time_is_formatted_as_by_javascript(time: datetime, text: str) -> None:
    assert to_iso(time) == text


def test_a_session_is_immutable_and_tokens_are_not_in_an_accounts_repr() -> None:
    session = Session(SessionUser("Ada"), NOON)
    with pytest.raises(AttributeError):
        session.user.name = "Eve"  # type: ignore[misc]
    assert "ya29" not in repr(Account("hub", "ada", "oidc", {"access_token": "ya29"}))
