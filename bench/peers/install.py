"""Packages of the compared servers, in `.tools/peers`: an environment for Python, and node_modules with a built Next.js."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from genkan.settings.environment import ROOT

SOURCES = Path(__file__).parent
FOLDER = ROOT / ".tools" / "peers"
TIMEOUT = 600
"""Seconds for one command."""


def python() -> Path:
    """Return a Python with the packages of requirements.txt. They are installed once."""
    requirements, folder = SOURCES / "requirements.txt", FOLDER / "python"
    if _stale(folder, [requirements]):
        _new(folder)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "pip"), "install", "--quiet", "--require-hashes", "-r", str(requirements)])
        _done(folder, [requirements])
    return folder / "bin" / "python"


def node() -> Path:
    """Return a folder with the programs for Node.js and their packages. They are installed and built once."""
    sources = SOURCES / "node"
    files = sorted(path for path in sources.rglob("*") if path.is_file() and "node_modules" not in path.parts)
    folder = FOLDER / "node"
    if shutil.which("npm") is None:
        sys.exit("genkan: npm is missing. On Debian: apt install npm. Or use --without-node")
    if _stale(folder, files):
        _new(folder)
        shutil.copytree(sources, folder, ignore=shutil.ignore_patterns("node_modules", ".next"))
        _run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], folder)
        _run(["node", "../node_modules/next/dist/bin/next", "build"], folder / "next")
        # The standalone server has everything but the files for browsers.
        shutil.copytree(folder / "next/.next/static", folder / "next/.next/standalone/next/.next/static")
        _done(folder, files)
    return folder


def _new(folder: Path) -> None:
    print(f"genkan: installing into {folder.relative_to(ROOT)} (once, this takes a few minutes)", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)


def _run(command: Sequence[str], folder: Path | None = None) -> None:
    environment = {**os.environ, "NEXT_TELEMETRY_DISABLED": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT
    )
    if done.returncode:
        sys.exit(f"genkan: {' '.join(command)} failed\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _stale(folder: Path, files: Sequence[Path]) -> bool:
    stamp = folder / "installed"
    return not stamp.exists() or stamp.read_text() != _digest(files)


def _done(folder: Path, files: Sequence[Path]) -> None:
    (folder / "installed").write_text(_digest(files))


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
