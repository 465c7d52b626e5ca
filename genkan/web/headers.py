"""Security headers and caching headers of every response."""

from __future__ import annotations

from collections.abc import Iterable

from werkzeug.datastructures import Headers

from genkan.http.urls import origin_of
from genkan.providers.base import Provider

Pairs = tuple[tuple[str, str], ...]

_HSTS = "max-age=63072000; includeSubDomains"
"""Two years, in seconds."""

VARY_BY_SESSION = ("Cookie", "HX-Request")
"""Request headers that a private response depends on."""

_ENCODING = ("Accept-Encoding",)
"""Request headers that the encoding of an HTML page depends on."""

_PARTS = {"text/css; charset=utf-8", "text/javascript; charset=utf-8"}
"""Types of what a page loads and no browser shows as a page."""

PRIVATE_HEADERS: Pairs = (("Cache-Control", "private, no-store"), ("Vary", ", ".join(VARY_BY_SESSION)))
"""Headers of a response for one user."""


class SecurityHeaders:
    """The headers to add to HTML pages and to other responses, private or not. Built once.

    Scripts, styles, media, frames and plugins come from the application's own origin only, so no nonce is needed and a
    public page can be cached. Images may come from any https origin, since providers host profile pictures anywhere. Only
    pages of the same origin may frame a response, and none may frame a sign-in page.

    Browsers check `form-action` against the redirect that answers a form, too. It is `'self'` and the `form_targets`, on
    the sign-in pages with the origins of the providers' authorization endpoints. Where such an origin is known only after
    discovery, and where a signed-in user can be sent to a provider's sign-out, the policy has no `form-action`.
    """

    def __init__(
        self,
        *,
        hsts: bool,
        picture_origins: Iterable[str] = (),
        providers: Iterable[Provider] = (),
        own_origin: str,
        form_targets: Iterable[str] = (),
    ) -> None:
        providers = tuple(providers)
        pictures = " ".join(("'self'", "https:", *picture_origins))
        policy_without_form_action = (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self'; "
            f"img-src {pictures}; media-src 'self'; frame-src 'self'; object-src 'self'; worker-src 'self'; "
            "manifest-src 'self'; base-uri 'none'; frame-ancestors 'self'"
        )
        policy = " ".join((f"{policy_without_form_action}; form-action 'self'", *form_targets))
        targets = {origin_of(provider.authorization_endpoint or "") for provider in providers}
        signs_out_at_provider = any(provider.rp_initiated_logout for provider in providers)
        sources = [f" {origin}" for origin in sorted(filter(None, targets - {own_origin}))]
        sign_in_policy = (
            policy_without_form_action if None in targets or signs_out_at_provider else policy + "".join(sources)
        )
        self.sign_in_policy = sign_in_policy.replace("frame-ancestors 'self'", "frame-ancestors 'none'")
        """The Content-Security-Policy of a page with sign-in forms."""
        self._signed_in_policy = policy_without_form_action if signs_out_at_provider else None
        common: Pairs = (
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            *((("Strict-Transport-Security", _HSTS),) if hsts else ()),
        )
        other: Pairs = (*common, ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'self'"))
        document: Pairs = (
            *common,
            ("Content-Security-Policy", policy),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        )
        headers = {
            (False, False): other,
            (True, False): (*document, ("Vary", ", ".join(_ENCODING))),
            (False, True): (*other, *PRIVATE_HEADERS),
            (True, True): (*document, PRIVATE_HEADERS[0], ("Vary", ", ".join((*_ENCODING, *VARY_BY_SESSION)))),
        }
        self._defaults = {kind: _by_key(pairs) for kind, pairs in headers.items()}
        # A policy applies to pages, also to an SVG image that is opened as one, but to no style sheet and no script.
        self._part_defaults = _by_key(pair for pair in common if pair[0] != "Referrer-Policy")

    def json_headers(self, *pairs: tuple[str, str]) -> list[tuple[str, str]]:
        """Return `pairs` plus the default headers of a private, non-HTML response."""
        names = {name.lower() for name, _ in pairs}
        return [*pairs, *(pair for key, pair in self._defaults[False, True].items() if key not in names)]

    def apply(self, headers: Headers, *, page: bool, private: bool, signed_in: bool = False) -> None:
        """Add the headers that the response does not set itself. A private response is never cacheable.

        `page` is True for HTML.
        """
        present = {name.lower(): value for name, value in headers}
        if "vary" in present:
            _vary(headers, (*(_ENCODING if page else ()), *(VARY_BY_SESSION if private else ())))
        if private and "no-store" not in present.get("cache-control", "no-store"):
            headers["Cache-Control"] = "private, no-store"
        defaults = self._part_defaults
        if private or present.get("content-type") not in _PARTS:
            defaults = self._defaults[page, private]
        if page and signed_in and self._signed_in_policy and "content-security-policy" not in present:
            headers["Content-Security-Policy"] = self._signed_in_policy
            present["content-security-policy"] = ""
        add_valid(headers, (pair for key, pair in defaults.items() if key not in present))


def add_valid(headers: Headers, pairs: Iterable[tuple[str, str]]) -> None:
    """Add headers whose values are known to be valid.

    `Headers.add` checks each value again, which takes 4 % of the time of a short request. Werkzeug has no public way
    around.
    """
    headers._list.extend(pairs)  # noqa: SLF001


def _by_key(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    return {name.lower(): (name, value) for name, value in pairs}


def _vary(headers: Headers, names: tuple[str, ...]) -> None:
    present = [name.strip() for line in headers.getlist("Vary") for name in line.split(",")]
    lower = {name.lower() for name in present}
    headers["Vary"] = ", ".join([*present, *(name for name in names if name.lower() not in lower)])
