"""JSON from strangers: what it cannot say safely is refused as one kind of error (D4)."""

from __future__ import annotations

import json
from math import isinf
from typing import Any, TypeGuard


def parse(data: bytes | str) -> Any:
    """The value in `data`. NaN, over-long numbers and over-deep nesting raise ValueError like any other flaw."""
    try:
        return _DECODER.decode(data if isinstance(data, str) else data.decode())
    except RecursionError:
        raise ValueError("nested too deep") from None


def parse_object(data: bytes | str) -> dict[str, Any]:
    """The object in `data`; ValueError for anything else."""
    value = parse(data)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a JSON number; to Python `true` would be one as well."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("more than a number can hold")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""Compact JSON of a value; made once, since `json.dumps` makes an encoder for every call with wishes."""
