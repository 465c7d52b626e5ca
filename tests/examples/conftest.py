"""Fixtures: a copy of an example in a folder of its own, and the commands of Flask in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from genkan.settings.environment import ROOT

FlaskCommand = Callable[..., str]


@pytest.fixture(name="copy_example")
def _copy_example(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that copies an example and returns the new folder."""

    def copy(name: str) -> Path:
        return copytree(ROOT / "examples" / name, tmp_path / name, ignore=ignore_patterns("__pycache__", "instance"))

    return copy


@pytest.fixture(name="flask")
def _flask(folder: Path) -> FlaskCommand:
    """Return a function that runs a command of the application in `folder`. Only the given variables are set."""

    def run(*arguments: str, **variables: str) -> str:
        settings = [f"PYTHONPATH={ROOT}", *(f"{name}={value}" for name, value in variables.items())]
        command = ["env", "-i", *settings, sys.executable, "-W", "error", "-m", "flask", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
