"""A page of a React front end made with the real `next-auth/react`, to stand beside ours on one origin."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.node.nodejs import HERE, ProgramFailed, node

BUILD_WITHIN = 60.0


def build(folder: Path) -> Path:
    """Write the page's one script into `folder`; its path. Raises NodeMissing when it cannot be had."""
    script = folder / "react.js"
    command = [node(), "react/build.mjs", str(script)]
    built = subprocess.run(command, check=False, cwd=HERE, capture_output=True, text=True, timeout=BUILD_WITHIN)
    if built.returncode:
        raise ProgramFailed(built.stderr)
    return script


def page(script_url: str) -> str:
    """The HTML that shows it: no inline script, so that it runs under `script-src 'self'`.

    Ids: react-status, react-name and react-session show; react-sign-in (with `?provider=` in the page's address it
    goes straight there), react-sign-out, react-sign-out-in-place, react-update and react-ask can be clicked.
    """
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>React</title>
        <div id="react-root"></div><script src="{script_url}" defer></script></html>"""
