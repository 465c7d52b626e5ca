"""The headers every answer carries, worked out once (docs/requirements.md H1-H5, X1)."""

from __future__ import annotations

from collections.abc import Iterable

from werkzeug.datastructures import Headers

from genkan.http.urls import origin_of
from genkan.providers.base import Provider

Pairs = tuple[tuple[str, str], ...]

_HSTS = "max-age=63072000; includeSubDomains"
"""Two years; H2 asks for one at least."""

VARY_BY_SESSION = ("Cookie", "HX-Request")
"""The request headers that say who asks, and what for."""

_PACKING = ("Accept-Encoding",)
"""Those that say how a document may be packed."""

PRIVATE_HEADERS: Pairs = (("Cache-Control", "private, no-store"), ("Vary", ", ".join(VARY_BY_SESSION)))
"""For an answer that depends on who asks (X1)."""


class SecurityHeaders:
    """What to add to a document and to anything else, and to either of them when it is for one person only.

    Scripts and styles come from our own files only, so no nonce is needed and a page without secrets can be
    cached; pictures may come from anywhere on https, since providers keep them where they like.

    Browsers check `form-action` against the redirect that answers a form, too. It is `'self'`, on the sign-in pages
    with the origins of the providers' authorization endpoints. Where such an origin is known only after discovery,
    and where a signed-in user can be sent to a provider's sign-out, the policy has no `form-action`.
    """

    def __init__(
        self, *, secure: bool, picture_origins: Iterable[str] = (), providers: Iterable[Provider] = (), own_origin: str
    ) -> None:
        providers = tuple(providers)
        pictures = " ".join(("'self'", "https:", *picture_origins))
        any_form_target = (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self'; "
            f"img-src {pictures}; manifest-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
        policy = f"{any_form_target}; form-action 'self'"
        targets = {origin_of(provider.authorization_endpoint or "") for provider in providers}
        leads_to_sign_out = any(provider.rp_initiated_logout for provider in providers)
        further = [f" {origin}" for origin in sorted(filter(None, targets - {own_origin}))]
        self.sign_in_policy = any_form_target if None in targets or leads_to_sign_out else policy + "".join(further)
        """The Content-Security-Policy of a page with sign-in forms."""
        self._signed_in_policy = any_form_target if leads_to_sign_out else None
        common: Pairs = (
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            *((("Strict-Transport-Security", _HSTS),) if secure else ()),
        )
        other: Pairs = (*common, ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
        document: Pairs = (
            *common,
            ("Content-Security-Policy", policy),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        )
        sorts = {
            (False, False): other,
            (True, False): (*document, ("Vary", ", ".join(_PACKING))),
            (False, True): (*other, *PRIVATE_HEADERS),
            (True, True): (*document, PRIVATE_HEADERS[0], ("Vary", ", ".join((*_PACKING, *VARY_BY_SESSION)))),
        }
        self._standing = {
            sort: [(name.lower(), (name, value)) for name, value in pairs] for sort, pairs in sorts.items()
        }

    def json_headers(self, *pairs: tuple[str, str]) -> list[tuple[str, str]]:
        """All headers of an answer for one visitor that is no document and says `pairs` itself, a `no-store` with them."""
        said = {name.lower() for name, _ in pairs}
        return [*pairs, *(pair for key, pair in self._standing[False, True] if key not in said)]

    def apply(self, headers: Headers, *, private: bool, signed_in: bool = False) -> None:
        """Add what the answer does not say itself; a private answer is never left for a cache to keep."""
        present = {name.lower(): value for name, value in headers}
        is_document = present.get("content-type", "").startswith("text/html")
        if "vary" in present:
            _vary(headers, (*(_PACKING if is_document else ()), *(VARY_BY_SESSION if private else ())))
        if private and "no-store" not in present.get("cache-control", "no-store"):
            headers["Cache-Control"] = "private, no-store"
        standing = self._standing[is_document, private]
        if is_document and signed_in and self._signed_in_policy and "content-security-policy" not in present:
            headers["Content-Security-Policy"] = self._signed_in_policy
            present["content-security-policy"] = ""
        for key, pair in standing:
            if key not in present:
                headers.add(*pair)


def _vary(headers: Headers, names: tuple[str, ...]) -> None:
    varied = [name.strip() for line in headers.getlist("Vary") for name in line.split(",")]
    given = {name.lower() for name in varied}
    headers["Vary"] = ", ".join([*varied, *(name for name in names if name.lower() not in given)])
