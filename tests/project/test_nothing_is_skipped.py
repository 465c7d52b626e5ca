"""A skipped test fails on CI, where every program that a test needs is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genkan.settings.environment import ROOT

CASES = """
import pytest


def test_passes():
    pass


@pytest.mark.skip(reason="no chromium")
def test_is_skipped_by_a_mark():
    pass


def test_skips_itself():
    pytest.skip("no redis")


@pytest.fixture
def server():
    pytest.skip("no postgres")


def test_has_a_fixture_that_skips(server):
    pass


@pytest.mark.xfail(strict=True)
def test_is_expected_to_fail():
    assert False
"""


def summary(folder: Path, ci: str) -> str:
    """Run CASES under the hook of tests/conftest.py and return the counts of the last line."""
    (folder / "test_cases.py").write_text(CASES)
    (folder / "conftest.py").write_text("from tests.conftest import pytest_runtest_makereport\n")
    environ = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    result = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)
    return result.stdout.splitlines()[-1].partition(" in ")[0]


@pytest.mark.parametrize(
    ("ci", "outcome"),
    [
        ("true", "1 failed, 1 passed, 1 xfailed, 2 errors"),
        ("", "1 passed, 3 skipped, 1 xfailed"),
    ],
)
def test_a_skipped_test_fails_on_ci(tmp_path: Path, ci: str, outcome: str) -> None:
    assert summary(tmp_path, ci) == outcome
