"""Strict reading of JSON."""

from __future__ import annotations

import pytest

from genkan import strict_json


@pytest.mark.parametrize("text", ["NaN", "-Infinity", '{"exp": 1e999}', "[-1e400]", "[" * 100_000, "{'a': 1}", ""])
def test_invalid_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        strict_json.loads(text)


def test_ordinary_numbers_are_read() -> None:
    assert strict_json.loads("[1, -1.5, 1e3, 1e-999]") == [1, -1.5, 1000.0, 0.0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"half \ud83c"', "half \ufffd"),
        (r'"\uDC00 before"', "\ufffd before"),
        (r'"\udfef\ud83c"', "\ufffd\ufffd"),
        (r'"\ud83c\ud83c\udfef"', "\ufffd🏯"),
        (r'"\uD83C\uDFEF"', "🏯"),
        (r'"\\ud83c"', r"\ud83c"),
        (r'"\ud83c\\udfef"', "\ufffd\\udfef"),
        (r'{"\ud800": [{"a": "\udfff"}, 1e3, -0.0, true, null, "\u0000"]}', {"\ufffd": [{"a": "\ufffd"}, 1e3, -0.0, True, None, "\0"]}),
        ('"\ufffd🏯"', "\ufffd🏯"),
    ],
)  # fmt: skip
def test_a_lone_surrogate_becomes_a_replacement_character(text: str, value: object) -> None:
    """JavaScript's `TextEncoder` and `String.prototype.toWellFormed` do the same, with one U+FFFD for each."""
    assert strict_json.loads(text) == strict_json.loads(text.encode()) == value


def test_encoded_surrogates_and_deep_nesting_are_refused() -> None:
    for data in (b'"\xed\xa0\xbc"', b"[" * 500 + rb'"\ud83c"' + b"]" * 499, rb'"\ud8"'):
        with pytest.raises(ValueError):
            strict_json.loads(data)


def test_a_byte_order_mark_is_skipped() -> None:
    assert strict_json.loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(("value", "expected"), [(1, True), (-0.5, True), (True, False), ("1", False), (None, False)])
def test_a_bool_is_not_a_number(value: object, expected: bool) -> None:
    assert strict_json.is_number(value) is expected


def test_a_lone_surrogate_is_written_as_the_replacement_character() -> None:
    written = strict_json.dumps({"name": "half \ud83c", "castle": "🏯"})
    assert strict_json.loads(written.encode()) == {"name": "half \ufffd", "castle": "🏯"}
