"""Open redirects: for every callback URL a browser stays on the application's origin."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genkan.http.urls import (
    MAX_URL_CHARACTERS,
    add_query,
    is_http_url,
    origin_of,
    relative_url,
    same_origin_url,
    without_port,
)
from tests.servers.browser_url import origin_reached
from tests.servers.process import missing

ORIGIN = "https://app.example"

FOREIGN_URLS = [
    # another host
    "https://evil.example", "HTTPS://EVIL.EXAMPLE/", "https://app.example.evil.example/", "https://xapp.example/",
    "https://evil.example/app.example", "https://evil.example?app.example", "https://evil.example#app.example",
    # another scheme or port of the same host
    "http://app.example/", "ws://app.example/", "ftp://app.example/", "https://app.example:444/", "http://app.example:443/",
    "https://app.example:/", "https://app.example:0443/", "https://app.example:99999/", "https://app.example:443x/",
    # user and password, which can disguise the host
    "https://app.example@evil.example/", "https://app.example:443@evil.example/", "https://user:pass@app.example/",
    "https://@app.example/", "https://evil.example@app.example/", "https://app.example%40evil.example/",
    "https://evil.example#@app.example/", "https://evil.example?@app.example/", "https://evil.example/@app.example/",
    # backslashes, which browsers read as slashes
    "/\\evil.example", "\\/evil.example", "\\\\evil.example", "https:\\\\evil.example", "https:/\\evil.example",
    "https://app.example\\@evil.example/", "https://evil.example\\@app.example/", "https://app.example\\.evil.example/",
    # tabs, line ends, spaces and controls, which browsers drop or trim
    "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example", " //evil.example", "//evil.example ",
    "\x00//evil.example", "\x1f//evil.example", "ht\ntps://evil.example", "https://app.example\t.evil.example/",
    "/\x00", "/\x7f", "/\x80", "/\x85/evil.example", "/a b", "/x\r\nSet-Cookie: a=b",
    # host names that browsers normalize: Unicode dots, letters and slashes, and invisible characters
    "https://app\u3002example/", "https://app\uff0eexample/", "https://app\uff61example/", "https://\uff41pp.example/",
    "https://app.ex\u00adample/", "https://app\u200d.example/", "https://app.example\uff0fevil.example/",
    "https://app.example\u2044evil.example/", "https://app.example./", "https://app%2eexample/", "https://ap\u1d56.example/",
    "https://app.example\uff20evil.example/", "https://evil.example\u2100app.example/", "https://app.example\uff1a444/",
    # too few slashes, too many, or none
    "https:/evil.example", "https:evil.example", "https:///evil.example", "https:////app.example/", "https:/dashboard",
    "https://", "https:", "https://?", "https://#", "https:///", ":", "://evil.example",
    # other schemes
    "javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", "javascript://app.example/%0aalert(1)",
    "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://app.example/x", "about:blank", "mailto:a@b.example",
    "view-source:https://app.example/", "filesystem:https://app.example/x",
    # relative URLs, which depend on the page
    "", "dashboard", "./dashboard", "../dashboard", "?x", "#x", "@evil.example", ".evil.example", "evil.example", ";//evil.example",
    # numeric hosts and brackets
    "https://[::1/", "https://[::1]/", "https://[app.example]/", "https://2130706433/", "https://0x7f.1/",
    # too long
    "/" + "a" * MAX_URL_CHARACTERS, "https://app.example/" + "a" * MAX_URL_CHARACTERS,
]  # fmt: skip

OWN_URLS = {
    "/": "/",
    "/dashboard?tab=1&x=%2F#top": "/dashboard?tab=1&x=%2F#top",
    "https://app.example": "/",
    "https://app.example/": "/",
    "https://app.example:443/x": "/x",
    "HTTPS://APP.Example/Case": "/Case",
    "https://app.example?x=1": "/?x=1",
    "https://app.example#@evil.example/": "/#@evil.example/",
    "https://app.example?@evil.example/": "/?@evil.example/",
    "/x?callbackUrl=https://evil.example": "/x?callbackUrl=https://evil.example",
    "/@evil.example": "/@evil.example",
    "/.evil.example": "/.evil.example",
    "/:80": "/:80",
    "//evil.example": "//evil.example",
    "///evil.example": "///evil.example",
    "/..//evil.example": "/..//evil.example",
    "/%5cevil.example": "/%5cevil.example",
    "/%2f/evil.example": "/%2f/evil.example",
    "/%0d%0aSet-Cookie:x=y": "/%0d%0aSet-Cookie:x=y",
    "/é": "/%C3%A9",
    "/\uff0fevil.example": "/%EF%BC%8Fevil.example",
    "/\u2028": "/%E2%80%A8",
    '/"><script>': "/%22%3E%3Cscript%3E",
}

FRAGMENTS = [
    "/", "//", "\\", "\t", "\n", "\r", " ", "@", ":", "?", "#", ".", "%", "%2f", "%5c", "%00", "..", ";", "[", "]", "\x00",
    "http:", "https:", "HTTPS:", "javascript:", "data:", "app.example", "evil.example", ":443", ":80", "\u3002", "\uff0f",
    "\u00ad", "\u2028", "\ufeff", "user", "a",
]  # fmt: skip


# requirements R1, R2
@pytest.mark.parametrize("url", FOREIGN_URLS)
def test_a_url_of_another_origin_is_none(url: str) -> None:
    assert same_origin_url(url, ORIGIN) is None


@pytest.mark.parametrize(("url", "tail"), OWN_URLS.items())
def test_a_url_of_the_own_origin_is_absolute_and_normalized(url: str, tail: str) -> None:
    assert same_origin_url(url, ORIGIN) == ORIGIN + tail


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.characters(), max_size=10).map("".join))
@example("//evil.example")
@example("/\\evil.example")
def test_a_browser_stays_on_the_origin_for_every_accepted_url(url: str) -> None:
    result = same_origin_url(url, ORIGIN)

    if result is not None:
        assert origin_reached(result, "https://other.example/") == ORIGIN
        assert origin_reached(relative_url(result, ORIGIN), f"{ORIGIN}/deep/page") == ORIGIN
        assert result.isascii()
        assert result.isprintable()
        assert " " not in result
        assert same_origin_url(result, ORIGIN) in {result, None}  # None if encoding has made it too long


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.characters(), max_size=10).map("".join))
def test_an_http_url_never_runs_as_a_script(url: str) -> None:
    if is_http_url(url):
        assert (origin_reached(url, ORIGIN) or "https://").startswith(("http://", "https://"))


def test_a_path_that_starts_with_two_slashes_keeps_its_origin() -> None:
    """As a link `//evil.example` leads to another site, but `https://app.example//evil.example` does not."""
    assert relative_url("https://app.example//evil.example", ORIGIN) == "https://app.example//evil.example"
    assert relative_url("https://app.example/dashboard?x#y", ORIGIN) == "/dashboard?x#y"
    assert relative_url(ORIGIN, ORIGIN) == "/"


@pytest.mark.parametrize(
    "url", ["https://app.example.evil.example/x", "https://app.example:8443/x", "https://evil.example/"]
)
def test_a_url_of_another_origin_is_not_made_relative(url: str) -> None:
    assert relative_url(url, ORIGIN) == url


def test_origins_have_lower_case_and_no_default_port() -> None:
    assert origin_of("HTTPS://App.Example:443/x") == ORIGIN
    assert origin_of("http://app.example:80") == "http://app.example"
    assert origin_of("http://app.example:443") == "http://app.example:443"
    assert [origin_of(url) for url in ("null", "", "/x", "javascript:x", "https://u@app.example")] == [None] * 5


def test_the_simulated_url_parser_agrees_with_node() -> None:
    """Node.js has the URL parser of the WHATWG standard, as browsers do."""
    node = shutil.which("node")
    if node is None:
        missing("Node.js", "nodejs")
    urls = [*FOREIGN_URLS, *OWN_URLS]
    script = """
        const urls = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const read = (url) => { try { const u = new URL(url, process.argv[1]); return [u.protocol, u.host]; } catch { return null; } };
        console.log(JSON.stringify(urls.map(read)));
    """
    completed = subprocess.run(
        [node, "-e", script, f"{ORIGIN}/"], input=json.dumps(urls), capture_output=True, text=True, check=True
    )
    parsed_by_node = [_origin(*result) if result else None for result in json.loads(completed.stdout)]
    simulated = [origin_reached(url, f"{ORIGIN}/") for url in urls]

    rewritten = {
        "https://2130706433",
        "https://0x7f.1",
        "https://app.example\u2044evil.example",
    }  # the same host, written in another way
    differing = {url: (a, b) for url, a, b in zip(urls, parsed_by_node, simulated, strict=True) if a not in {None, b}}
    assert {url: pair for url, pair in differing.items() if pair[1] not in rewritten} == {}


def _origin(scheme: str, host: str) -> str:
    return f"{scheme}//{host}" if scheme in {"http:", "https:"} else scheme


def test_parameters_are_appended_and_none_is_left_out() -> None:
    assert add_query("/a", {"b": "c&d", "e": None}) == "/a?b=c%26d"
    assert add_query("/a?x=1", {"b": "/c"}) == "/a?x=1&b=%2Fc"
    assert add_query("/a", {"e": None}) == "/a"


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ("203.0.113.7:51000", "203.0.113.7"),
        (" 203.0.113.7:51000", "203.0.113.7"),
        ("[2001:db8::7]:51000", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[::ffff:203.0.113.7]:80", "::ffff:203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("203.0.113.7", "203.0.113.7"),
        ("", ""),
        ("unknown", "unknown"),
        ("_hidden:80", "_hidden:80"),
        ("203.0.113.7:port", "203.0.113.7:port"),
    ],
)
def test_the_address_of_a_client_has_no_port(sent: str, address: str) -> None:
    assert without_port(sent) == address
