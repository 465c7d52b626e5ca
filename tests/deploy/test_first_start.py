"""First start with `make serve` and `make run`, in a fresh clone."""

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
from tests.servers.server import SERVE, Server, ServerClient, environment, serving


@pytest.fixture(name="clone")
def _clone(tmp_path: Path) -> Path:
    """Copy the files that Git tracks to a folder."""
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
    Path(settings["DATABASE_URL"].removeprefix("sqlite:///")).touch()
    with FaultyProvider() as op, serving(SERVE, {**settings, **provider_env(op)}) as server:
        yield server, op


def test_make_serve_creates_the_tables_in_an_empty_file_and_users_can_sign_in(
    production: tuple[Server, FaultyProvider], tmp_path: Path
) -> None:
    server, op = production
    client = ServerClient(server.origin)
    claims = {"sub": "first", "name": "First User", "email": "first@example.org"}
    client.ask("GET", op.authorize(client.start(), claims))

    assert client.name() == "First User"
    assert client.ask("GET", "/dashboard").status_code == 200
    assert client.ask("GET", "/api/user/profile").json()["role"] == "user"
    (database,) = tmp_path.glob("*.db")
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_production_has_no_development_provider(production: tuple[Server, FaultyProvider]) -> None:
    client = ServerClient(production[0].origin)

    for path in ("/development/authorize", "/development/.well-known/openid-configuration", "/development/"):
        assert client.ask("GET", path).status_code == 404
    assert client.ask("POST", "/development/authorize", data={"choice": "hana"}).status_code == 404
    assert set(client.ask("GET", "/api/auth/providers").json()) == {"oidc"}


def run_environment(clone: Path, port: int) -> dict[str, str]:
    """Return an environment with nothing set but the port and its URL, because the default port may be in use."""
    return {"PATH": os.environ["PATH"], "PORT": str(port), "AUTH_URL": f"http://127.0.0.1:{port}"}


def test_a_project_folder_that_is_not_writable_is_one_error_sentence() -> None:
    as_other_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    # Not in pytest's folder, which other users may not enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shutil.copytree(ROOT / "scripts", Path(folder, "scripts"))
        shutil.copy(ROOT / "requirements.txt", folder)
        Path(folder).chmod(0o555)
        command = [*as_other_user, "sh", f"{folder}/scripts/setup.sh", "requirements.txt"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        Path(folder).chmod(0o755)

    assert result.returncode == 1
    assert result.stderr.startswith(f"genkan: {folder} cannot be written to. ")
    assert result.stderr.count("\n") == 1


def test_make_run_starts_without_settings_and_starts_again(clone: Path) -> None:
    port = free_port()
    address = f"Genkan is at  http://127.0.0.1:{port}"
    env_files: list[str] = []
    for name in ("Hana Example", None):
        with serving(["-m", "deploy.run"], run_environment(clone, port), ready=address, folder=clone) as server:
            client = ServerClient(server.origin)
            home = client.ask("GET", "/")
            assert (home.status_code, home.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
            if name:
                client.sign_in_as_hana()
            assert client.name() == name
        env_files.append((clone / ".env").read_text())

    modes = {path: stat.S_IMODE((clone / path).stat().st_mode) for path in (".env", "instance/genkan.db")}
    assert modes == {".env": 0o600, "instance/genkan.db": 0o600}
    assert env_files[0] == env_files[1]
