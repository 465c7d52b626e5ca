"""Fixtures for the peers that need Node.js: without it they are skipped, on CI they fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.node import react
from tests.servers.node.nodejs import needing_node
from tests.tokens.authjs_jwt import AuthJs


@pytest.fixture(scope="session")
def authjs() -> Iterator[AuthJs]:
    """The real token code of Auth.js, one process for the whole run."""
    with needing_node(), AuthJs() as peer:
        yield peer


@pytest.fixture(scope="session")
def react_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of the React page, built once; see `react.page` for the HTML around it."""
    with needing_node():
        return react.build(tmp_path_factory.mktemp("react"))
