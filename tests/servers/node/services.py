"""Fixtures that need Node.js. Without it their tests are skipped, and on CI they fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.node import react
from tests.servers.node.nodejs import needing_node
from tests.tokens.authjs_jwt import AuthJs


@pytest.fixture(scope="session")
def authjs() -> Iterator[AuthJs]:
    """Start one process with the token code of Auth.js for the run."""
    with needing_node(), AuthJs() as process:
        yield process


@pytest.fixture(scope="session")
def react_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the script of the React page once for the run. `react.page` returns its HTML."""
    with needing_node():
        return react.build(tmp_path_factory.mktemp("react"))
