"""The headers every answer carries, worked out once (docs/requirements.md H1-H5, X1)."""

from __future__ import annotations

from collections.abc import Iterable

from werkzeug.datastructures import Headers

Pairs = tuple[tuple[str, str], ...]

_HSTS = "max-age=63072000; includeSubDomains"
"""Two years; H2 asks for one at least."""

VISITOR = ("Cookie", "HX-Request")
"""The request headers that say who asks, and what for."""

_PACKING = ("Accept-Encoding",)
"""Those that say how a document may be packed."""

FOR_ONE_VISITOR: Pairs = (("Cache-Control", "private, no-store"), ("Vary", ", ".join(VISITOR)))
"""For an answer that depends on who asks (X1)."""


class StandingHeaders:
    """What to add to a document and to anything else, and to either of them when it is for one person only.

    Scripts and styles come from our own files only, so no nonce is needed and a page without secrets can be
    cached; pictures may come from anywhere on https, since providers keep them where they like.
    """

    def __init__(self, *, secure: bool, picture_origins: Iterable[str] = ()) -> None:
        pictures = " ".join(("'self'", "https:", *picture_origins))
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self'; "
            f"img-src {pictures}; manifest-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
            "form-action "
        )
        common: Pairs = (
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            *((("Strict-Transport-Security", _HSTS),) if secure else ()),
        )
        other: Pairs = (*common, ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
        document: Pairs = (
            *common,
            ("Content-Security-Policy", self.policy()),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        )
        sorts = {
            (False, False): other,
            (True, False): (*document, ("Vary", ", ".join(_PACKING))),
            (False, True): (*other, *FOR_ONE_VISITOR),
            (True, True): (*document, FOR_ONE_VISITOR[0], ("Vary", ", ".join((*_PACKING, *VISITOR)))),
        }
        self._standing = {
            sort: [(name.lower(), (name, value)) for name, value in pairs] for sort, pairs in sorts.items()
        }

    def completed(self, *pairs: tuple[str, str]) -> list[tuple[str, str]]:
        """All headers of an answer for one visitor that is no document and says `pairs` itself, a `no-store` with them."""
        said = {name.lower() for name, _ in pairs}
        return [*pairs, *(pair for key, pair in self._standing[False, True] if key not in said)]

    def policy(self, *form_targets: str) -> str:
        """A document's Content-Security-Policy, whose forms may also lead to these sources."""
        return self._policy + " ".join(("'self'", *form_targets))

    def add(self, headers: Headers, *, private: bool, form_targets: tuple[str, ...] = ()) -> None:
        """Add what the answer does not say itself; a private answer is never left for a cache to keep.

        Forms of a document may also lead to `form_targets`.
        """
        present = {name.lower(): value for name, value in headers}
        is_document = present.get("content-type", "").startswith("text/html")
        if "vary" in present:
            _vary(headers, (*(_PACKING if is_document else ()), *(VISITOR if private else ())))
        if private and "no-store" not in present.get("cache-control", "no-store"):
            headers["Cache-Control"] = "private, no-store"
        standing = self._standing[is_document, private]
        if is_document and form_targets and "content-security-policy" not in present:
            headers["Content-Security-Policy"] = self.policy(*form_targets)
            present["content-security-policy"] = ""
        # Straight into the list: `Headers.add` would check each of these constants anew, a microsecond apiece.
        headers._list.extend(pair for key, pair in standing if key not in present)  # noqa: SLF001


def _vary(headers: Headers, names: tuple[str, ...]) -> None:
    varied = [name.strip() for line in headers.getlist("Vary") for name in line.split(",")]
    given = {name.lower() for name in varied}
    headers["Vary"] = ", ".join([*varied, *(name for name in names if name.lower() not in given)])
