"""Open redirects (R1, R2): whatever somebody writes into a callback URL, a browser that follows it stays with us."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genkan.http.urls import MAX_URL_CHARACTERS, add_query, is_http_url, origin_of, relative_url, same_origin_url
from tests.servers.browser_url import origin_reached
from tests.servers.process import missing

HOME = "https://app.example"

REFUSED = [
    # another site, plainly
    "https://evil.example", "HTTPS://EVIL.EXAMPLE/", "https://app.example.evil.example/", "https://xapp.example/",
    "https://evil.example/app.example", "https://evil.example?app.example", "https://evil.example#app.example",
    # another scheme or port of our own host
    "http://app.example/", "ws://app.example/", "ftp://app.example/", "https://app.example:444/", "http://app.example:443/",
    "https://app.example:/", "https://app.example:0443/", "https://app.example:99999/", "https://app.example:443x/",
    # user and password, which hide the host behind them
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
    # names that browsers turn into others: dots, letters and slashes in disguise, what is not seen at all
    "https://app\u3002example/", "https://app\uff0eexample/", "https://app\uff61example/", "https://\uff41pp.example/",
    "https://app.ex\u00adample/", "https://app\u200d.example/", "https://app.example\uff0fevil.example/",
    "https://app.example\u2044evil.example/", "https://app.example./", "https://app%2eexample/", "https://ap\u1d56.example/",
    "https://app.example\uff20evil.example/", "https://evil.example\u2100app.example/", "https://app.example\uff1a444/",
    # too few slashes, too many, or none at all
    "https:/evil.example", "https:evil.example", "https:///evil.example", "https:////app.example/", "https:/dashboard",
    "https://", "https:", "https://?", "https://#", "https:///", ":", "://evil.example",
    # what is no web address
    "javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", "javascript://app.example/%0aalert(1)",
    "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://app.example/x", "about:blank", "mailto:a@b.example",
    "view-source:https://app.example/", "filesystem:https://app.example/x",
    # relative ones, whose meaning depends on the page
    "", "dashboard", "./dashboard", "../dashboard", "?x", "#x", "@evil.example", ".evil.example", "evil.example", ";//evil.example",
    # numbers and brackets
    "https://[::1/", "https://[::1]/", "https://[app.example]/", "https://2130706433/", "https://0x7f.1/",
    # what cannot be sent at all
    "/" + "a" * MAX_URL_CHARACTERS, "https://app.example/" + "a" * MAX_URL_CHARACTERS,
]  # fmt: skip

KEPT = {
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

PIECES = [
    "/", "//", "\\", "\t", "\n", "\r", " ", "@", ":", "?", "#", ".", "%", "%2f", "%5c", "%00", "..", ";", "[", "]", "\x00",
    "http:", "https:", "HTTPS:", "javascript:", "data:", "app.example", "evil.example", ":443", ":80", "\u3002", "\uff0f",
    "\u00ad", "\u2028", "\ufeff", "user", "a",
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_leads_elsewhere_or_nowhere_is_nobodys(url: str) -> None:
    assert same_origin_url(url, HOME) is None


@pytest.mark.parametrize(("url", "tail"), KEPT.items())
def test_a_url_of_ours_comes_back_absolute_and_normalised(url: str, tail: str) -> None:
    assert same_origin_url(url, HOME) == HOME + tail


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.characters(), max_size=10).map("".join))
@example("//evil.example")
@example("/\\evil.example")
def test_whatever_goes_in_a_browser_stays_with_us(url: str) -> None:
    found = same_origin_url(url, HOME)

    if found is not None:
        assert origin_reached(found, "https://other.example/") == HOME
        assert origin_reached(relative_url(found, HOME), f"{HOME}/deep/page") == HOME
        assert found.isascii()
        assert found.isprintable()
        assert " " not in found
        assert same_origin_url(found, HOME) in {found, None}  # None where encoding made it too long


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.characters(), max_size=10).map("".join))
def test_what_counts_as_a_web_address_never_runs_as_a_script(url: str) -> None:
    if is_http_url(url):
        assert (origin_reached(url, HOME) or "https://").startswith(("http://", "https://"))


def test_a_path_that_begins_with_two_slashes_is_never_a_link_without_its_origin() -> None:
    """`<a href="//evil.example">` would leave the site that `https://app.example//evil.example` does not."""
    assert relative_url("https://app.example//evil.example", HOME) == "https://app.example//evil.example"
    assert relative_url("https://app.example/dashboard?x#y", HOME) == "/dashboard?x#y"
    assert relative_url(HOME, HOME) == "/"


@pytest.mark.parametrize(
    "url", ["https://app.example.evil.example/x", "https://app.example:8443/x", "https://evil.example/"]
)
def test_another_sites_url_keeps_its_origin_even_where_it_begins_like_ours(url: str) -> None:
    assert relative_url(url, HOME) == url


def test_origins_are_compared_without_case_and_default_port() -> None:
    assert origin_of("HTTPS://App.Example:443/x") == HOME
    assert origin_of("http://app.example:80") == "http://app.example"
    assert origin_of("http://app.example:443") == "http://app.example:443"
    assert [origin_of(url) for url in ("null", "", "/x", "javascript:x", "https://u@app.example")] == [None] * 5


def test_the_browser_that_these_tests_imagine_reads_urls_as_a_real_url_parser_does() -> None:
    """Node.js has the parser that browsers have; wherever that goes, the imagined one goes too."""
    program = shutil.which("node")
    if program is None:
        missing("Node.js", "nodejs")
    urls = [*REFUSED, *KEPT]
    script = """
        const urls = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const read = (url) => { try { const u = new URL(url, process.argv[1]); return [u.protocol, u.host]; } catch { return null; } };
        console.log(JSON.stringify(urls.map(read)));
    """
    ran = subprocess.run(
        [program, "-e", script, f"{HOME}/"], input=json.dumps(urls), capture_output=True, text=True, check=True
    )
    real = [_name(*found) if found else None for found in json.loads(ran.stdout)]
    imagined = [origin_reached(url, f"{HOME}/") for url in urls]

    rewritten = {
        "https://2130706433",
        "https://0x7f.1",
        "https://app.example\u2044evil.example",
    }  # same host, other spelling
    differing = {url: (a, b) for url, a, b in zip(urls, real, imagined, strict=True) if a not in {None, b}}
    assert {url: pair for url, pair in differing.items() if pair[1] not in rewritten} == {}


def _name(scheme: str, host: str) -> str:
    return f"{scheme}//{host}" if scheme in {"http:", "https:"} else scheme


def test_parameters_come_after_those_that_are_there_and_none_is_none() -> None:
    assert add_query("/a", {"b": "c&d", "e": None}) == "/a?b=c%26d"
    assert add_query("/a?x=1", {"b": "/c"}) == "/a?x=1&b=%2Fc"
    assert add_query("/a", {"e": None}) == "/a"
