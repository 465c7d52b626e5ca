"""Programs of Node.js that exchange lines of JSON with the tests. Their packages are installed once."""

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
MIN_VERSION = 20
INSTALL_TIMEOUT = 300.0
EXIT_TIMEOUT = 5.0
RESPONSE_TIMEOUT = 20.0


class NodeMissing(RuntimeError):
    """Node.js or the packages are missing. The message names them and the remedy."""


class ProgramFailed(RuntimeError):
    """The program ended or refused a request. The message contains its standard error."""


@contextmanager
def needing_node() -> Iterator[None]:
    """Skip the test on NodeMissing. Raise it on CI, where no test may be skipped."""
    try:
        yield
    except NodeMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


def node() -> str:
    """Install the packages of package.json and return the path of Node.js. Raises NodeMissing."""
    found, npm = find_node()
    _install(npm)
    return found


def find_node() -> tuple[str, str]:
    """Return the paths of Node.js and npm. Raises NodeMissing."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        raise NodeMissing(f"Node.js {MIN_VERSION} or newer with npm is not installed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < MIN_VERSION:
        raise NodeMissing(f"Node.js {MIN_VERSION} or newer is needed, not {version.strip()}")
    return found, npm


def _install(npm: str) -> None:
    wanted = hashlib.sha256(PACKAGES.read_bytes()).hexdigest()
    with PACKAGES.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests may start at the same time
        if STAMP.is_file() and STAMP.read_text() == wanted:
            return
        # No lock file, as it contains URLs of a registry. No scripts, as no package needs one. No peer dependencies,
        # as `next` is large and next-auth/react does not import it.
        quiet = ["--no-package-lock", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund"]
        command = [npm, "install", "--loglevel=error", *quiet]
        try:
            subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT)
        except subprocess.CalledProcessError as error:
            raise NodeMissing(f"npm could not install the packages: {error.stderr[-500:]}") from error
        except subprocess.TimeoutExpired as error:
            raise NodeMissing(f"npm did not install the packages within {INSTALL_TIMEOUT:g} seconds") from error
        STAMP.write_text(wanted)


class Program:
    """Script that answers lines of JSON with lines of JSON. It ends with its input, also if the tests are killed."""

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
            self._child.communicate(timeout=EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()
        self._errors.close()

    def send(self, question: object) -> None:
        """Send one value as a line of JSON."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(question) + "\n")
        self._child.stdin.flush()

    def receive(self) -> Any:
        """Return the value of the next line. Raises ProgramFailed if there is none. A program that hangs is killed."""
        assert self._child.stdout is not None
        timer = Timer(RESPONSE_TIMEOUT, self._child.kill)
        timer.start()
        line = self._child.stdout.readline()
        timer.cancel()
        if not line:
            raise ProgramFailed(f"{self._command[1]} ended: {self.stderr()}")
        return json.loads(line)

    def stderr(self) -> str:
        """Return the program's standard error so far."""
        self._errors.seek(0)
        return self._errors.read()
