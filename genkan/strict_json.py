"""Strict reading and writing of JSON. JSON from outside the process is read with this module."""

from __future__ import annotations

import json
import re
from math import isinf
from typing import Any, TypeGuard


def loads(data: bytes | str) -> Any:
    """Return the value in `data`. Raises ValueError for invalid JSON.

    NaN, infinite numbers and too deep nesting are invalid, too. A lone surrogate in a string or key becomes U+FFFD, so
    that every string can be encoded.
    """
    # JavaScript's TextDecoder also skips a byte order mark.
    text = data if isinstance(data, str) else data.decode().removeprefix("\ufeff")
    try:
        value = _DECODER.decode(text)
        # UTF-8 has no surrogates, so only an escape sequence can produce one. The decoder has already joined pairs.
        if _SURROGATE_ESCAPE.search(text):
            value = _DECODER.decode(dumps(value))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def dumps(value: Any) -> str:
    """Return the value as compact JSON. A lone surrogate becomes U+FFFD, as UTF-8 has none.

    Raises ValueError for NaN and infinite numbers, TypeError for what is not JSON.
    """
    text = _encode(value)
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def loads_object(data: bytes | str) -> dict[str, Any]:
    """Return the JSON object in `data`. Raises ValueError for any other value."""
    value = loads(data)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def is_number(value: object) -> TypeGuard[int | float]:
    """Return True if `value` is a JSON number. A bool is not, although Python's `bool` is a subclass of `int`."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("number out of range")
    return number


_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
