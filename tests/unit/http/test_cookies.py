"""Cookie names, parsing of the Cookie header, and long tokens in chunks."""

from __future__ import annotations

import time
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkan.crypto.compact import MAX_TOKEN_CHARACTERS
from genkan.http.cookies import (
    CHUNK_CHARACTERS,
    MAX_CHUNKS,
    Cookie,
    CookieNames,
    RequestCookies,
    clear,
    write_session,
)
from tests.cookie_jar import CookieJar

NAME = "authjs.session-token"
SECURE_NAME = "__Secure-authjs.session-token"

WHITESPACE = " \t"
"""Characters around a pair that are not part of it (RFC 6265 section 5.2)."""

LENGTHS = st.sampled_from([1, 500, 3935, 3936, 3937, 7872, 7873, 20_000, 65_536]) | st.integers(1, 30_000)
SUFFIXES = st.sampled_from(
    [
        "",
        ".0",
        ".1",
        ".2",
        ".3",
        ".9",
        ".10",
        ".23",
        ".24",
        ".99",
        ".100",
        ".00",
        ".01",
        ".+1",
        ".-1",
        ". 1",
        ".1 ",
        ".1_0",
        ".x",
        ".1.0",
        ".٣",
        ".²",
        ".",
        "..",
        "-legacy",
        "2",
        ".1e1",
        ".0x1",
        "%2E0",
    ]
)
VALUES = st.text(st.characters(exclude_characters=";", max_codepoint=255), max_size=8)


def _write(token: str, seen: tuple[str, ...] = (), name: str = NAME) -> tuple[Cookie, ...]:
    return write_session(name, token, cookie_names=seen, secure=name == SECURE_NAME, expires=1_800_000_000)


def _found(header: str) -> str | None:
    found = next(iter(RequestCookies(header).sessions(NAME)), None)
    return found.token if found else None


def test_names_have_prefixes_on_https() -> None:
    secure, plain = CookieNames.of(secure=True), CookieNames.of(secure=False)
    assert secure.session == "__Secure-authjs.session-token"
    assert secure.csrf == "__Host-authjs.csrf-token"
    assert secure.callback_url == "__Secure-authjs.callback-url"
    assert secure.flow_prefix == "__Host-authjs.flow."
    assert (plain.session, plain.csrf, plain.callback_url) == (
        "authjs.session-token",
        "authjs.csrf-token",
        "authjs.callback-url",
    )


def test_the_session_cookie_name_can_be_set() -> None:
    names = CookieNames.of(secure=True, session="__Host-authjs.session-token")
    assert names.session == "__Host-authjs.session-token"
    assert names.csrf == CookieNames.of(secure=True).csrf


def test_no_other_cookie_name_starts_with_the_session_cookie_name() -> None:
    for secure in (True, False):
        names = CookieNames.of(secure=secure)
        assert not any(
            name.startswith(names.session)
            for name in (names.csrf, names.callback_url, names.flow_prefix, names.sign_out)
        )


@given(LENGTHS, st.sampled_from([NAME, SECURE_NAME]))
def test_a_token_of_any_length_is_read_as_written_in_chunks_that_browsers_accept(length: int, name: str) -> None:
    token = ("0123456789abcdef-_." * (length // 19 + 1))[:length]
    written = _write(token, name=name)
    assert all(len(cookie.name) + len(cookie.value) <= 4096 for cookie in written)
    assert all(len(cookie.value) <= CHUNK_CHARACTERS for cookie in written)
    assert ([cookie.name for cookie in written] == [name]) == (length <= CHUNK_CHARACTERS)
    jar = CookieJar()
    jar.store(written)
    for header in (jar.header, f"a=b; {jar.header}; c=d"):
        found = next(iter(RequestCookies(header).sessions(name)), None)
        assert found is not None
        assert (found.token, set(found.names)) == (token, set(jar.values))


@given(st.lists(LENGTHS, min_size=2, max_size=6))
def test_no_old_chunk_remains_when_the_length_changes(lengths: list[int]) -> None:
    jar = CookieJar()
    for turn, length in enumerate(lengths):
        token = chr(97 + turn) * length
        seen = next(iter(RequestCookies(jar.header).sessions(NAME)), None)
        jar.store(_write(token, seen.names if seen else ()))
        assert "".join(jar.values.values()) == token
        assert _found(jar.header) == token


@given(st.lists(st.tuples(SUFFIXES, VALUES), max_size=30), st.permutations(range(5)))
def test_chunks_are_joined_by_number_or_not_at_all(junk: list[tuple[str, str]], order: list[int]) -> None:
    pairs = [(f".{index}", f"<{index}>") for index in order] + junk
    header = "; ".join(f"{NAME}{suffix}={value}" for suffix, value in pairs)
    found = next(iter(RequestCookies(header).sessions(NAME)), None)
    assert found is not None
    assert found.token == _expected(header)
    assert set(found.names) <= {part.strip(WHITESPACE).partition("=")[0] for part in header.split(";")}
    assert all(name == NAME or name[len(NAME) + 1 :].isdecimal() for name in found.names)


@given(st.text(max_size=40), st.sampled_from([NAME, f"{NAME}=", f"{NAME}=v", f"{NAME}.0=v", ""]), st.text(max_size=40))
def test_any_header_can_be_read(before: str, middle: str, after: str) -> None:
    header = before + middle + after
    assert _found(header) == _expected(header)
    RequestCookies(header).get(NAME)
    RequestCookies(header).names_starting_with(NAME)


def _expected(header: str) -> str | None:
    """Return the token by the rules: the first cookie of a name, no empty values, an unchunked cookie first, and
    chunks 0 to n without a gap."""
    family: dict[str, str] = {}
    for part in header.split(";"):
        name, _, value = part.strip(WHITESPACE).partition("=")
        if value and name.startswith(NAME):
            family.setdefault(name.removeprefix(NAME), unquote(value.strip(WHITESPACE)))
    if "" in family:
        return family[""]
    numbers = [int(suffix[1:]) for suffix in family if suffix in {f".{number}" for number in range(100)}]
    if not numbers or sorted(numbers) != list(range(len(numbers))) or len(numbers) > MAX_CHUNKS:
        return None
    return "".join(family[f".{number}"] for number in sorted(numbers))


@pytest.mark.parametrize(
    "header",
    [
        "",
        ";",
        "=",
        f"x{NAME}=v",
        f"{NAME}-legacy=v",
        f"other={NAME}=v",
        f"{NAME}",
        f"{NAME}=",
        f"{NAME}.x=v",
        f"={NAME}=v",
        f"other=1 {NAME}=v",
        f"a=b,{NAME}=v",
        f"{NAME}.100=v",
        f'a="; {NAME}.01=v"',
        f"{NAME.upper()}=v",
    ],
)
def test_similar_cookies_are_not_session_cookies(header: str) -> None:
    assert next(iter(RequestCookies(header).sessions(NAME)), None) is None


@pytest.mark.parametrize("sign", ["\xa0", "\x85", "\x1c", "\x0b", "\x0c", "\r", "\u2003"])
def test_unusual_whitespace_is_part_of_a_cookie_name(sign: str) -> None:
    """Browsers treat it as part of the name, so another host could set such a cookie in spite of `__Host-`."""
    for name in ("__Host-authjs.csrf-token", "__Host-authjs.flow.a", NAME):
        for header in (f"{sign}{name}=other", f"a=b; {sign}{name}=other; c=d", f"a=b;{sign} {name}=other"):
            assert RequestCookies(header).get(name) is None
            assert RequestCookies(header).names_starting_with(name) == []
            assert next(iter(RequestCookies(header).sessions(name)), None) is None
    assert _found(f"{sign}{NAME}=other; {NAME}=own") == "own"
    assert _found(f"{NAME}.0=o; {sign}{NAME}.0=x; {NAME}.1=wn;{sign}{NAME}.2=x") == "own"


def test_the_first_of_two_cookies_with_one_name_is_used() -> None:
    assert _found(f"{NAME}=near; {NAME}=far") == "near"
    assert _found(f"{NAME}.0=near; {NAME}.1=!; {NAME}.0=far") == "near!"
    assert RequestCookies(f"a=1; {NAME}=near; {NAME}=far").get(NAME) == "near"


def test_with_a_missing_chunk_there_is_no_token_but_the_names_to_delete() -> None:
    found = next(iter(RequestCookies(f"{NAME}.0=a; {NAME}.2=c").sessions(NAME)), None)
    assert found is not None
    assert found.token is None
    assert set(found.names) == {f"{NAME}.0", f"{NAME}.2"}


def test_too_many_chunks_or_characters_are_not_joined() -> None:
    enough = "; ".join(f"{NAME}.{index}=x" for index in range(MAX_CHUNKS))
    assert _found(enough) == "x" * MAX_CHUNKS
    assert _found(f"{enough}; {NAME}.{MAX_CHUNKS}=x") is None
    assert _found(f"{NAME}.0={'x' * MAX_TOKEN_CHARACTERS}; {NAME}.1=x") is None


def test_ten_thousand_cookies_are_read_quickly() -> None:
    header = "; ".join(f"{NAME}.{index}=x" for index in range(10_000))
    started = time.thread_time()
    assert _found(header) is None
    assert time.thread_time() - started < 0.5


def test_values_are_percent_decoded_once_with_invalid_bytes_replaced() -> None:
    assert _found(f"{NAME}=a%2Eb") == "a.b"
    assert _found(f"{NAME}=a%252E") == "a%2E"
    assert _found(f"{NAME}=%") == "%"
    assert _found(f"{NAME}=%ff%00") == "\ufffd\x00"
    assert RequestCookies("other=a%7Cb; x=y").get("other") == "a|b"


def test_names_are_listed_once_in_the_order_of_the_header() -> None:
    assert RequestCookies("f.b=1; x=2; f.a=3; f.b=4; =f.c").names_starting_with("f.") == ["f.b", "f.a"]
    assert RequestCookies("x=2").names_starting_with("f.") == []


@pytest.mark.parametrize("secure", [True, False])
def test_a_cookie_is_deleted_with_the_attributes_it_was_set_with(secure: bool) -> None:
    (deleted,) = clear((NAME,), secure=secure)
    (written,) = write_session(NAME, "token", cookie_names=(), secure=secure, expires=1_800_000_000)
    attributes = {"Path=/", "HttpOnly", "SameSite=Lax"} | ({"Secure"} if secure else set())
    for cookie, expiry in ((deleted, "Max-Age=0"), (written, "Expires=Fri, 15 Jan 2027 08:00:00 GMT")):
        _, *attributes_sent = cookie.to_header().split("; ")
        assert set(attributes_sent) == attributes | {expiry}
