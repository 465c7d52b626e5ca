"""The example `quickstart` has the lines of the documentation."""

from __future__ import annotations

from genkan.settings.environment import ROOT
from tests.extension.test_first_use import EIGHT_LINES


def test_the_example_has_the_lines_that_are_tested_with_flask_run() -> None:
    assert (ROOT / "examples/quickstart/app.py").read_text() == EIGHT_LINES
