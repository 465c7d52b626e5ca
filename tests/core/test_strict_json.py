"""JSON from strangers: what no two readers would understand alike is refused."""

from __future__ import annotations

import pytest

from genkan import strict_json


@pytest.mark.parametrize("text", ["NaN", "-Infinity", '{"exp": 1e999}', "[-1e400]", "[" * 100_000, "{'a': 1}", ""])
def test_what_is_no_json_of_any_size_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(ValueError):
        strict_json.parse(text)


def test_ordinary_numbers_are_read() -> None:
    assert strict_json.parse("[1, -1.5, 1e3, 1e-999]") == [1, -1.5, 1000.0, 0.0]


@pytest.mark.parametrize(("value", "is_one"), [(1, True), (-0.5, True), (True, False), ("1", False), (None, False)])
def test_a_number_is_a_number_and_true_is_none(value: object, is_one: bool) -> None:
    assert strict_json.is_number(value) is is_one
