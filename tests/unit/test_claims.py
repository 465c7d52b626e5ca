"""What providers say of people, typed and cleaned: honest, sloppy and hostile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genkan.claims import MAX_EMAIL, MAX_NAME, MAX_SUBJECT, normalize_email, normalize_subject, normalize_text, to_user
from genkan.errors import ProviderError
from genkan.providers.base import ProfileUser

NOW = 1_795_000_000.0
WRONG_TYPES: list[Any] = [
    None,
    True,
    False,
    0,
    1.5,
    b"ada@example.org",
    ["ada@example.org"],
    {"email": "a@b"},
    object(),
]
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("ada@example.org", "ada@example.org"),
        (" Ada@Example.ORG ", "ada@example.org"),
        ("ada+house@sub.example.org", "ada+house@sub.example.org"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("日本@例え.jp", "日本@例え.jp"),
        ("\uff21da@example.org", "ada@example.org"),
    ],
)
def test_an_address_is_kept_normalised_and_in_lower_case(said: str, kept: str) -> None:
    assert normalize_email(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        *WRONG_TYPES,
        "",
        "ada",
        "@",
        "ada@",
        "@example.org",
        "ada@evil@example.org",
        "ada\uff20evil.example@example.org",
        "ada\ufe6bevil.example@example.org",
        "ada@example.org,evil@example.com",
        "ada@example.org;evil@example.com",
        '"ada"@example.org',
        "<ada@example.org>",
        "Ada <ada@example.org>",
        "ada@example.org\x00",
        "ada@example.org\r\nBcc: evil@example.com",
        "ada @example.org",
        "ada\u00ad@example.org",
        "ada@exam\u200bple.org",
        "ada\u00a0b@example.org",
        "ada\u2028b@example.org",
        "\u202eada@example.org",
        "ada\ufffd@example.org",
        "a" * MAX_EMAIL + "@example.org",
        " " * 300 + "ada@example.org",
        "\ufdfa" * 20 + "@example.org",
    ],
)
def test_what_is_not_exactly_one_address_is_none(said: Any) -> None:
    assert normalize_email(said) is None


def test_an_address_that_grows_too_long_by_normalising_is_none() -> None:
    assert normalize_email("\ufb03" * 100 + "@example.org") is None


@given(st.text())
def test_an_address_that_was_kept_is_kept_as_it_is(text: str) -> None:
    once = normalize_email(f"{text}@example.org")
    assert once is None or (normalize_email(once) == once and once.count("@") == 1)


@pytest.mark.parametrize(
    "value", [*WRONG_TYPES, "", "   ", "\x00", "\x1b", "\u202e\u2066", "\u200b", "\u3164\u2800", "\u0301"]
)
def test_a_name_that_says_nothing_is_none(value: Any) -> None:
    assert normalize_text(value, MAX_NAME) is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Åsa 日本 🏯 ", "Åsa 日本 🏯"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("Ada\r\nlevel=error", "Adalevel=error"),
        ("Ada\u2028x\u2029y\x85z", "Adaxyz"),
        ("\x1b[31mAda\x1b[0m", "[31mAda[0m"),
        ("Ada\u202egpj.exe", "Adagpj.exe"),
        ("Ada\ufffd", "Ada"),
        ("x" * 5000, "x" * MAX_NAME),
        ("\u202e" * 5000 + "Ada", None),
        ("\x00" * MAX_NAME + "Ada", "Ada"),
    ],
)
def test_a_name_loses_what_could_forge_a_line_or_turn_the_text_and_is_bounded(said: str, kept: str | None) -> None:
    assert normalize_text(said, MAX_NAME) == kept


@given(st.text())
def test_a_clean_name_is_one_line_that_can_be_written_down(text: str) -> None:
    name = normalize_text(text, MAX_NAME) or "nobody"
    assert len(name.splitlines()) == 1
    assert name.encode()


@pytest.mark.parametrize(
    ("said", "kept"), [("abc", "abc"), (7, "7"), (2**63, str(2**63)), ("x" * MAX_SUBJECT, "x" * 255)]
)
def test_a_subject_is_a_string_and_a_number_becomes_its_digits(said: Any, kept: str) -> None:
    assert normalize_subject(said) == kept


def test_subjects_that_differ_in_case_or_space_are_different_people() -> None:
    assert len({normalize_subject(said) for said in ("Ada", "ada", "ada ", "\uff41da")}) == 4


@pytest.mark.parametrize(
    "said",
    [None, True, False, 1.0, b"abc", ["abc"], {"sub": "abc"}, "", "x" * 256, "a\x00b", "a\nb", "a\ufffd", 10**300],
)
def test_without_a_usable_subject_there_is_no_account(said: Any) -> None:
    with pytest.raises(ProviderError):
        normalize_subject(said)


def test_a_user_gets_a_fresh_id_and_a_verified_address_its_time() -> None:
    said = ProfileUser("7", "Ada", "Ada@example.org", "https://img.example/a.png", email_verified=True)
    first, second = (to_user(said, NOW) for _ in range(2))
    assert (first.name, first.email, first.image) == ("Ada", "ada@example.org", "https://img.example/a.png")
    assert first.email_verified == datetime.fromtimestamp(NOW, UTC)
    assert first.role is None
    assert UUID(first.id).version == 4
    assert first.id != second.id


@pytest.mark.parametrize("verified", [None, False, "true", "false", 1, "yes", [True]])
def test_an_address_is_verified_by_the_boolean_true_and_by_nothing_else(verified: Any) -> None:
    assert to_user(ProfileUser("7", email="ada@example.org", email_verified=verified), NOW).email_verified is None


def test_an_address_that_was_not_kept_is_not_verified() -> None:
    assert to_user(ProfileUser("7", email="ada@@example.org", email_verified=True), NOW).email_verified is None


@pytest.mark.parametrize(
    "image",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "//img.example/a.png",
        "/a.png",
        "ftp://img.example/a",
        "blob:x",
        "https://ada:pw@img.example/",
        "https://",
        "https://img.example/a b",
        "https://img.example/\x00",
        7,
        ["https://a"],
        "https://img.example/" + "a" * 3000,
        "HTTPS:evil",
        "https:\\\\evil.example",
    ],
)
def test_a_picture_is_a_web_address_or_none(image: Any) -> None:
    assert to_user(ProfileUser("7", image=image), NOW).image is None


@settings(max_examples=25)
@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_whatever_a_provider_says_a_user_has_strings_or_nothing(
    name: Any, email: Any, image: Any, verified: Any
) -> None:
    user = to_user(ProfileUser("7", name, email, image, email_verified=verified), NOW)
    assert all(field is None or field.strip() for field in (user.name, user.email, user.image))
