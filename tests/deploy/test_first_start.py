"""The two commands that start the house, on a computer that has nothing of it yet."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from genkan.settings.environment import ROOT
from tests.provider_client import provider_env
from tests.servers.faulty.provider import FaultyProvider
from tests.servers.process import free_port
from tests.servers.server import Server, ServerClient, environment, serving


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    """The files that Git knows of, in a folder of their own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "clone" / name)
    return tmp_path / "clone"


@pytest.fixture(name="production")
def _production(tmp_path: Path) -> Iterator[tuple[Server, FaultyProvider]]:
    settings = environment(tmp_path)
    (tmp_path / "house.db").touch()
    with FaultyProvider() as op, serving(["-m", "deploy.serve"], {**settings, **provider_env(op)}) as server:
        yield server, op


def test_serving_an_empty_file_makes_its_tables_and_signs_somebody_in(
    production: tuple[Server, FaultyProvider], tmp_path: Path
) -> None:
    server, op = production
    visitor = ServerClient(server.origin)
    claims = {"sub": "first", "name": "First Guest", "email": "first@example.org"}
    visitor.ask("GET", op.authorize(visitor.start(), claims))

    assert visitor.name() == "First Guest"
    assert visitor.ask("GET", "/dashboard").status_code == 200
    assert visitor.ask("GET", "/api/user/profile").json()["role"] == "user"
    assert stat.S_IMODE((tmp_path / "house.db").stat().st_mode) == 0o600


def test_production_has_no_development_provider(production: tuple[Server, FaultyProvider]) -> None:
    visitor = ServerClient(production[0].origin)

    for path in ("/development/authorize", "/development/.well-known/openid-configuration", "/development/"):
        assert visitor.ask("GET", path).status_code == 404
    assert visitor.ask("POST", "/development/authorize", data={"choice": "hana"}).status_code == 404
    assert set(visitor.ask("GET", "/api/auth/providers").json()) == {"oidc"}


def running(clone: Path, port: int) -> dict[str, str]:
    """A newcomer sets nothing; only the port is another one, which may be in use here."""
    return {"PATH": os.environ["PATH"], "PORT": str(port), "AUTH_URL": f"http://127.0.0.1:{port}"}


def test_a_project_that_can_t_be_written_to_is_told_and_nothing_else_is_blamed() -> None:
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    # Not in pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shutil.copytree(ROOT / "scripts", Path(folder, "scripts"))
        shutil.copy(ROOT / "requirements.txt", folder)
        Path(folder).chmod(0o555)
        command = [*nobody, "sh", f"{folder}/scripts/setup.sh", "requirements.txt"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        Path(folder).chmod(0o755)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"genkan: {folder} cannot be written to. ")
    assert ended.stderr.count("\n") == 1


def test_a_newcomer_starts_it_with_nothing_set_and_starts_it_again(clone: Path) -> None:
    port = free_port()
    address = f"Genkan is at  http://127.0.0.1:{port}"
    kept: list[str] = []
    for name in ("Hana Example", None):
        with serving(["-m", "deploy.run"], running(clone, port), ready=address) as server:
            visitor = ServerClient(server.origin)
            home = visitor.ask("GET", "/")
            assert (home.status_code, home.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
            if name:
                visitor.sign_in_as_hana()
            assert visitor.name() == name
        kept.append((clone / ".env").read_text())

    modes = {path: stat.S_IMODE((clone / path).stat().st_mode) for path in (".env", "instance/genkan.db")}
    assert modes == {".env": 0o600, "instance/genkan.db": 0o600}
    assert kept[0] == kept[1]
