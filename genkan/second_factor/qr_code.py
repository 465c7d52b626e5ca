"""QR codes as inline SVG, which need no script, no style attribute and no URL with the secret."""

from __future__ import annotations

from genkan.errors import ConfigurationError

try:
    import segno
except ImportError as error:
    raise ConfigurationError(
        "AUTH_TOTP is on, but segno is missing. Install it with `pip install genkan[totp]`."
    ) from error

BORDER = 4
"""Modules of white around the code, as the standard requires."""


def svg(text: str) -> str:
    """Return the QR code of a text as an SVG element. It is black on white, also in a dark page."""
    return segno.make(text, error="m", micro=False).svg_inline(
        scale=4, border=BORDER, dark="#000", light="#fff", svgclass="qr-code", lineclass=None, omitsize=True
    )
