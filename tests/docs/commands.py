"""Commands of the documentation that are not run as they are written, each with the reason."""

from __future__ import annotations

import re
from importlib.metadata import version

from genkan.settings.environment import ROOT

OUTSIDE = {
    r"git clone\b": "needs the network, and the page is tested with this tree",
    r"cd genkan$": "the folder of the clone",
    r"(python3?|\.venv/bin/python) -m venv\b": "the packages of the tests take the place of a new environment",
    r"(\.|source) \.?venv/bin/activate$": "the same",
    r"(sudo )?(apt|apt-get|systemctl|certbot|nginx|docker|podman|install|adduser|useradd)\b": "changes the host",
    r"sudo ": "changes the host",
    r"(createdb|createuser|psql|redis-cli)\b": "needs a server of the operator",
    r"(npm|npx|pnpm)\b": "needs the network. The tests of the examples run it",
    r"curl\b.* https://": "needs the network",
    r"(\.venv/bin/)?python -m bench\b": "takes minutes",
    r"python3 -m http\.server\b": "the browser test of the example serves these files",
}
"""Beginning of a command, as a pattern, and the reason."""

SERVERS = re.compile(
    r"(?:\w+=\S+ )*(?:(?:python -m )?flask (?:--?\S+(?: [\w.:]+)? )*run\b|gunicorn\b|granian\b|waitress-serve\b)"
)
"""Commands that start a server. It runs until the end of the page."""
INSTALL = re.compile(r"(?:(?:python3?|\.venv/bin/python) -m )?(?:uv )?pip install (.+)")
MAKE = re.compile(r"(?:\w+=\S+ )*make (\w[\w-]*)\b")


def is_outside(command: str) -> bool:
    """Return True if the command is not run. Its make target or its packages must exist."""
    if install := INSTALL.match(command):
        check_packages(install[1])
        return True
    if make := MAKE.match(command):
        assert re.search(rf"^{make[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"no target {make[1]}"
        return True
    return any(re.match(pattern, command) for pattern in OUTSIDE)


def check_packages(arguments: str) -> None:
    """Raise PackageNotFoundError if a package of `pip install` is not one that the tests have."""
    for argument in re.sub(r"\s#.*", "", arguments).split():
        name = re.match(r"[\"']?([A-Za-z][\w.-]*)(?:\[[\w,-]+\])?[\"']?$", argument)
        if name and name[1] not in {"genkan", "requirements.txt"}:
            version(name[1])
