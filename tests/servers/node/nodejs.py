"""Programs of Node.js beside the tests: their packages installed once, each spoken to in lines of JSON."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any, Self

import pytest

HERE = Path(__file__).parent
PACKAGES = HERE / "package.json"
STAMP = HERE / "node_modules" / ".installed-from"
OLDEST = 20
INSTALL_WITHIN = 300.0
END_WITHIN = 5.0
ANSWER_WITHIN = 20.0


class NodeMissing(RuntimeError):
    """Node.js or the packages cannot be had here; says which, and what would help."""


class ProgramFailed(RuntimeError):
    """The program ended or did not understand; carries what it printed to standard error."""


@contextmanager
def needing_node() -> Iterator[None]:
    """Turn NodeMissing into a skipped test, or into a failed one where nothing may be skipped."""
    try:
        yield
    except NodeMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


def node() -> str:
    """The path of Node.js, with the packages of package.json installed. Raises NodeMissing."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        raise NodeMissing(f"Node.js {OLDEST} or newer with npm is not installed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < OLDEST:
        raise NodeMissing(f"Node.js {OLDEST} or newer is needed, not {version.strip()}")
    _install(npm)
    return found


def _install(npm: str) -> None:
    wanted = hashlib.sha256(PACKAGES.read_bytes()).hexdigest()
    with PACKAGES.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests may begin together
        if STAMP.is_file() and STAMP.read_text() == wanted:
            return
        # No lock file, for it would hold addresses of a registry; no scripts, for none of the packages needs one;
        # no peers, for `next` is a large one that next-auth/react never imports.
        quiet = ["--no-package-lock", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund"]
        command = [npm, "install", "--loglevel=error", *quiet]
        try:
            subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True, timeout=INSTALL_WITHIN)
        except subprocess.CalledProcessError as error:
            raise NodeMissing(f"npm could not install the peers: {error.stderr[-500:]}") from error
        except subprocess.TimeoutExpired as error:
            raise NodeMissing(f"npm did not install the peers within {INSTALL_WITHIN:g} seconds") from error
        STAMP.write_text(wanted)


class Program:
    """A script that answers lines of JSON with lines of JSON and ends when its input does, even if we are killed."""

    def __init__(self, script: str, *arguments: str) -> None:
        self._command = [node(), script, *arguments]

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile("w+")
        self._child = subprocess.Popen(
            self._command,
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
        )
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._child.communicate(timeout=END_WITHIN)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()
        self._errors.close()

    def say(self, question: object) -> None:
        """Send one line."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(question) + "\n")
        self._child.stdin.flush()

    def hear(self) -> Any:
        """The next line. Raises ProgramFailed when there is none, also for a program that hangs: that one is ended."""
        assert self._child.stdout is not None
        patience = Timer(ANSWER_WITHIN, self._child.kill)
        patience.start()
        line = self._child.stdout.readline()
        patience.cancel()
        if not line:
            raise ProgramFailed(f"{self._command[1]} ended: {self.complaints()}")
        return json.loads(line)

    def complaints(self) -> str:
        """All it has printed to standard error."""
        self._errors.seek(0)
        return self._errors.read()
