"""Document of the experiments: every experiment has its command and its results there."""

from __future__ import annotations

import re

import pytest

from bench.evidence.__main__ import EXPERIMENTS
from genkan.settings.environment import ROOT

DOCUMENT = (ROOT / "docs/evidence.md").read_text()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_has_a_command_and_a_result(name: str) -> None:
    assert f"python -m bench.evidence {name}" in DOCUMENT
    assert re.search(rf"^\| {name}\b", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize("module", EXPERIMENTS.values())
def test_every_experiment_has_a_module(module: str) -> None:
    assert (ROOT / f"bench/evidence/{module}.py").is_file()
