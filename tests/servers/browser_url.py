"""URL parser of browsers, by the WHATWG URL Standard, which differs from RFC 3986."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
CONTROLS_AND_SPACE = "".join(map(chr, range(0x21)))
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
DOTS = re.compile("[\u3002\uff0e\uff61]")
FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^|]")


def origin_reached(url: str, page: str) -> str | None:
    """Return the origin that a browser requests for a link to `url` on the page `page`.

    None if the browser rejects the URL. The scheme with its colon if it is neither http nor https.
    """
    text = re.sub(r"[\t\n\r]", "", url.strip(CONTROLS_AND_SPACE))
    base = urlsplit(page)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", text)
    if scheme is None:
        return _relative(text, base.scheme, base.netloc)
    name, rest = scheme[1].lower(), text[scheme.end() :]
    if name not in DEFAULT_PORTS:
        return f"{name}:"
    if name == base.scheme and not rest.startswith("//"):
        return _relative(rest, base.scheme, base.netloc)
    return _authority(name, rest)


def _relative(rest: str, scheme: str, netloc: str) -> str | None:
    if re.match(r"[/\\]{2}", rest):
        return _authority(scheme, rest)
    return f"{scheme}://{netloc}"


def _authority(scheme: str, rest: str) -> str | None:
    authority = re.split(r"[/\\?#]", rest.lstrip("/\\"), maxsplit=1)[0].rpartition("@")[2]
    match = re.fullmatch(r"(?P<host>\[[^\]]*\]|[^:]*)(:(?P<port>[0-9]*))?", authority)
    if match is None:
        return None
    host, port = _host(match["host"]), int(match["port"] or DEFAULT_PORTS[scheme])
    if host is None or port > 65535:
        return None
    return f"{scheme}://{host}" + ("" if port == DEFAULT_PORTS[scheme] else f":{port}")


def _host(text: str) -> str | None:
    if text.startswith("["):
        return text.lower()
    decoded = DOTS.sub(".", unquote(text)).translate(INVISIBLE)
    host = DOTS.sub(".", unicodedata.normalize("NFKC", decoded)).casefold()
    return None if not host or FORBIDDEN_IN_HOST.search(host) else host
