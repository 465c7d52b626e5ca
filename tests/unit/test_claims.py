"""Normalization of profiles, including malformed and hostile ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genkan.claims import MAX_EMAIL, MAX_NAME, MAX_SUBJECT, normalize_email, normalize_subject, normalize_text, to_user
from genkan.email.address import normalize
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
    ("value", "expected"),
    [
        ("ada@example.org", "ada@example.org"),
        (" Ada@Example.ORG ", "ada@example.org"),
        ("ada+tag@sub.example.org", "ada+tag@sub.example.org"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("日本@例え.jp", "日本@xn--r8jz45g.jp"),
        ("Hana@BÜCHER.example", "hana@xn--bcher-kva.example"),
        ("hana@xn--bcher-kva.example", "hana@xn--bcher-kva.example"),
        ("hana@straße.example", "hana@xn--strae-oqa.example"),
        ("hana@bücher", "hana@bücher"),  # no domain that mail can be sent to, so it stays
        ("hana@bücher_.example", "hana@bücher_.example"),
        (f"hana@{'bücher.' * 30}example", f"hana@{'bücher.' * 30}example"),
    ],
)
def test_an_email_address_is_normalized_and_in_lower_case(value: str, expected: str) -> None:
    assert normalize_email(value) == expected
    assert normalize_email(expected) == expected


@pytest.mark.parametrize("value", ["Hana@BÜCHER.example", "hana@xn--bcher-kva.example", "hana@straße.example"])
def test_a_provider_and_a_mail_have_the_same_form_of_an_address(value: str) -> None:
    assert normalize_email(value) == normalize(value)


@pytest.mark.parametrize(
    "value",
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
def test_any_value_but_one_email_address_is_none(value: Any) -> None:
    assert normalize_email(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "\uff21\uff44\uff41@example.org",  # fullwidth letters
        "ada@\uff45xample.org",
        "\u212aim@example.org",  # Kelvin sign
        "\u212bsa@example.org",  # Angstrom sign
        "mi\u017f\u017f@example.org",  # long s
        "o\ufb03ce@example.org",  # ligatures
        "\ufb01lip@example.org",
        "ada\u00b2@example.org",  # superscript
        "\U0001d41ada@example.org",  # mathematical letter
        "e\u0301mile@example.org",  # letter and accent, of which NFC makes one character
        "ada@example\uff0eorg",  # fullwidth full stop
        "ada@example\uff61org",  # halfwidth ideographic full stop
        "ada@example\u3002org",  # ideographic full stop
    ],
)
def test_an_email_address_that_only_looks_like_the_normalized_one_is_none(value: str) -> None:
    assert normalize_email(value) is None


def test_an_email_address_that_lower_case_makes_too_long_is_none() -> None:
    assert normalize_email("\u0130" * 200 + "@example.org") is None


@given(st.text())
def test_normalizing_an_email_address_twice_changes_nothing(text: str) -> None:
    once = normalize_email(f"{text}@example.org")
    assert once is None or (normalize_email(once) == once and once.count("@") == 1)


@pytest.mark.parametrize(
    "value", [*WRONG_TYPES, "", "   ", "\x00", "\x1b", "\u202e\u2066", "\u200b", "\u3164\u2800", "\u0301"]
)
def test_a_name_without_visible_characters_is_none(value: Any) -> None:
    assert normalize_text(value, MAX_NAME) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Åsa 日本 🏯 ", "Åsa 日本 🏯"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("Ada\r\nlevel=error", "Adalevel=error"),
        ("Ada\u2028x\u2029y\x85z", "Adaxyz"),
        ("\x1b[31mAda\x1b[0m", "[31mAda[0m"),
        ("Ada\u202egpj.exe", "Adagpj.exe"),
        ("Ada\ufffd", "Ada\ufffd"),
        ("x" * 5000, "x" * MAX_NAME),
        ("\u202e" * 5000 + "Ada", None),
        ("\x00" * MAX_NAME + "Ada", "Ada"),
    ],
)
def test_a_name_has_no_control_characters_and_a_limited_length(value: str, expected: str | None) -> None:
    assert normalize_text(value, MAX_NAME) == expected


@given(st.text())
def test_a_normalized_name_is_one_line_and_can_be_encoded(text: str) -> None:
    name = normalize_text(text, MAX_NAME) or "unnamed"
    assert len(name.splitlines()) == 1
    assert name.encode()


@pytest.mark.parametrize(
    ("value", "expected"), [("abc", "abc"), (7, "7"), (2**63, str(2**63)), ("x" * MAX_SUBJECT, "x" * 255)]
)
def test_a_subject_is_a_string_or_an_integer(value: Any, expected: str) -> None:
    assert normalize_subject(value) == expected


def test_subjects_that_differ_in_case_or_whitespace_are_different() -> None:
    assert len({normalize_subject(value) for value in ("Ada", "ada", "ada ", "\uff41da")}) == 4


@pytest.mark.parametrize(
    "value",
    [None, True, False, 1.0, b"abc", ["abc"], {"sub": "abc"}, "", "x" * 256, "a\x00b", "a\nb", "a\ufffd", 10**300],
)
def test_an_invalid_subject_is_a_provider_error(value: Any) -> None:
    with pytest.raises(ProviderError):
        normalize_subject(value)


def test_a_user_gets_a_random_id_and_the_time_of_verification() -> None:
    value = ProfileUser("7", "Ada", "Ada@example.org", "https://img.example/a.png", email_verified=True)
    first, second = (to_user(value, NOW) for _ in range(2))
    assert (first.name, first.email, first.image) == ("Ada", "ada@example.org", "https://img.example/a.png")
    assert first.email_verified == datetime.fromtimestamp(NOW, UTC)
    assert first.unverified_email is None
    assert first.role is None
    assert UUID(first.id).version == 4
    assert first.id != second.id


@pytest.mark.parametrize("verified", [None, False, "true", "false", 1, "yes", [True]])
def test_only_the_boolean_true_verifies_an_email_address(verified: Any) -> None:
    user = to_user(ProfileUser("7", email="Ada@example.org", email_verified=verified), NOW)
    assert (user.email, user.email_verified, user.unverified_email) == (None, None, "ada@example.org")


@pytest.mark.parametrize("verified", [True, False])
def test_an_invalid_email_address_is_left_out(verified: bool) -> None:
    user = to_user(ProfileUser("7", email="ada@@example.org", email_verified=verified), NOW)
    assert (user.email, user.email_verified, user.unverified_email) == (None, None, None)


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
def test_an_image_is_an_http_url_or_none(image: Any) -> None:
    assert to_user(ProfileUser("7", image=image), NOW).image is None


@settings(max_examples=25)
@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_every_profile_becomes_a_user_with_non_empty_strings_or_none(
    name: Any, email: Any, image: Any, verified: Any
) -> None:
    user = to_user(ProfileUser("7", name, email, image, email_verified=verified), NOW)
    assert all(field is None or field.strip() for field in (user.name, user.email, user.image))
