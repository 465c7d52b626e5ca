"""The commands in the README of each example run in a copy of the example."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from genkan.settings.environment import ROOT
from tests.docs.blocks import blocks_of
from tests.docs.page_runner import PageRunner


@pytest.mark.parametrize("name", ["quickstart", "existing-app", "api-only"])
def test_the_commands_of_the_readme_run(name: str, tmp_path: Path) -> None:
    example = ROOT / "examples" / name
    with PageRunner(tmp_path, ROOT) as runner:
        copytree(example, tmp_path / "page", ignore=ignore_patterns("__pycache__", "instance"), dirs_exist_ok=True)
        runner.run(blocks_of(example / "README.md"))
