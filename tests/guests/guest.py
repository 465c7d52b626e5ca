"""An application that had a life before Genkan, and the lines that add Genkan to it."""

from __future__ import annotations

import difflib
import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask

from genkan.settings.environment import ROOT

HERE = Path(__file__).parent

Changes = Mapping[str, list[tuple[str, str]]]
"""For each file of an application the texts to replace. Each occurs once."""


@dataclass(frozen=True)
class Guest:
    """One application below `tests/guests/`, in a folder and a package of the same name."""

    name: str
    patch: Changes
    own_tests: int
    """How many tests the application has for itself."""
    open_app: Callable[[ModuleType, Path, bool], Flask]
    """Create the application, with a database in this folder that has its tables. The last argument is for TESTING."""
    close_app: Callable[[ModuleType, Flask], None]
    """Close the connections to the database."""
    find_users: Callable[[ModuleType], tuple[Any, Any]] | None = None
    """Return the application's class of users and its session. None if it has no users that Genkan could link to."""
    environment: Callable[[Path, bool], Mapping[str, str]] = lambda _folder, _testing: {}
    """Return the variables that the application reads when it is imported."""

    def copy_to(self, folder: Path) -> Path:
        """Copy the application as it was before. Return the new folder."""
        shutil.copytree(HERE / self.name, folder, ignore=shutil.ignore_patterns("__pycache__"))
        return folder

    def apply_patch(self, folder: Path) -> None:
        """Add Genkan to the copy in this folder."""
        for name, text in self._patched():
            (folder / name).write_text(text)

    def added_lines(self) -> list[str]:
        """Return the lines that the patch adds or changes, without blank ones."""
        found: list[str] = []
        for name, text in self._patched():
            before = (HERE / self.name / name).read_text().splitlines()
            found += [line[2:] for line in difflib.ndiff(before, text.splitlines()) if line.startswith("+ ")]
        return [line for line in found if line.strip()]

    def _patched(self) -> Iterator[tuple[str, str]]:
        for name, changes in self.patch.items():
            text = (HERE / self.name / name).read_text()
            for before, after in changes:
                assert text.count(before) == 1, f"{self.name}/{name}: {before!r}"
                text = text.replace(before, after)
            yield name, text

    @contextmanager
    def loaded(self, folder: Path, *, testing: bool = True) -> Iterator[Flask]:
        """Import the copy in this folder and create the application."""
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(folder))
            for name in [name for name in os.environ if name.startswith(("AUTH_", "GENKAN_"))]:
                patch.delenv(name)
            for name, value in self.environment(folder, testing).items():
                patch.setenv(name, value)
            assert self.name not in sys.modules, "another copy is loaded"
            module = importlib.import_module(self.name)
            app = self.open_app(module, folder, testing)
            try:
                yield app
            finally:
                self.close_app(module, app)
                for name in [name for name in sys.modules if name.partition(".")[0] == self.name]:
                    del sys.modules[name]


def run_own_tests(folder: Path) -> str:
    """Run the application's own tests in a process of their own. Return the last line of the output."""
    command = ["env", "-i", f"PYTHONPATH={folder}:{ROOT}", sys.executable, "-m", "pytest", "-q"]
    options = ["-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(folder), "-W", "error", "tests"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[-1]
