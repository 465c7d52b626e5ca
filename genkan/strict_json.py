"""Read and write JSON strictly. Every JSON text from outside is read here."""

from __future__ import annotations

import json
import re
from math import isinf
from typing import Any, TypeGuard


def loads(data: bytes | str) -> Any:
    """Return the value in `data`. NaN, too long numbers and too deep nesting raise ValueError like any other flaw.

    A lone surrogate in a string or a key becomes U+FFFD, so that every string can be encoded.
    """
    # As JavaScript does, past a byte order mark.
    text = data if isinstance(data, str) else data.decode().removeprefix("\ufeff")
    try:
        value = _DECODER.decode(text)
        # UTF-8 has no surrogates, so only an escape can bring one. The decoder has joined those that are pairs.
        if _SURROGATE_ESCAPE.search(text):
            value = _DECODER.decode(_LONE_SURROGATE.sub("\ufffd", dumps(value)))
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value


def loads_object(data: bytes | str) -> dict[str, Any]:
    """The object in `data`; ValueError for anything else."""
    value = loads(data)
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


_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""Compact JSON of a value; made once, since `json.dumps` makes an encoder for every call with wishes."""
