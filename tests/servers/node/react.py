"""Page of a React front end with the real `next-auth/react`, for the same origin as the application."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.node.nodejs import HERE, ProgramFailed, node

BUILD_TIMEOUT = 60.0


def build(folder: Path) -> Path:
    """Build the page's script in `folder` and return its path. Raises NodeMissing."""
    script = folder / "react.js"
    command = [node(), "react/build.mjs", str(script)]
    built = subprocess.run(command, check=False, cwd=HERE, capture_output=True, text=True, timeout=BUILD_TIMEOUT)
    if built.returncode:
        raise ProgramFailed(built.stderr)
    return script


def page(script_url: str) -> str:
    """Return the HTML of the page. It has no inline script, so that it runs under `script-src 'self'`.

    Elements that show the session: react-status, react-name and react-session. Buttons: react-sign-in (to the provider
    of `?provider=` in the page's URL), react-passkey-add, react-passkey, react-sign-out, react-sign-out-in-place,
    react-update, react-ask.
    """
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>React</title>
        <div id="react-root"></div><script src="{script_url}" defer></script></html>"""
