"""The headers every answer carries, worked out once (security.md H1-H5)."""

from __future__ import annotations

from collections.abc import Iterable

from werkzeug.datastructures import Headers

_HSTS = "max-age=63072000; includeSubDomains"
"""Two years; H2 asks for one at least."""


class SecurityHeaders:
    """What to add to a document and to anything else.

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
        common = [
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            *([("Strict-Transport-Security", _HSTS)] if secure else []),
        ]
        self._other = [*common, ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")]
        self._document = [
            *common,
            ("Content-Security-Policy", self.policy()),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        ]

    def policy(self, *form_targets: str) -> str:
        """A document's Content-Security-Policy, whose forms may also lead to these sources."""
        return self._policy + " ".join(("'self'", *form_targets))

    def add(self, headers: Headers) -> None:
        """Add what the answer does not say itself."""
        is_document = headers.get("Content-Type", "").startswith("text/html")
        ours = self._document if is_document else self._other
        present = {name for name, _ in headers}
        for name, value in ours:
            if name not in present:
                headers.add(name, value)
