"""The package as it is built: contents of the wheel, and an application that uses the installed wheel."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from genkan.settings.environment import ROOT
from tests.extension.test_first_use import EIGHT_LINES
from tests.servers.process import missing

APPLICATION = """
import json
import os
import sys

from flask import Flask

import genkan
from genkan import Genkan
from genkan.adapters.sqlalchemy import migrations

light = "requests" not in sys.modules
app = Flask(__name__)
app.testing = True
Genkan(app)
client = app.test_client()
pages = {path: client.get(path) for path in sys.argv[1:]}
print(json.dumps({
    "package": genkan.__file__,
    "light": light,
    "pending": migrations.pending(os.environ["GENKAN_DATABASE_URL"], "genkan"),
    "pages": {path: [page.status_code, page.mimetype, page.text] for path, page in pages.items()},
}))
"""

SIGN_IN_SCRIPT = """
import html
import importlib.metadata
import json
import re
import sys

from shop import app

app.testing = True
client = app.test_client()
token = client.get("/api/auth/csrf").json["csrfToken"]
begun = client.post("/api/auth/signin/development", data={"csrfToken": token, "callbackUrl": "/private"})
forms = re.findall(r"<form.*?</form>", client.get(begun.location).text, re.DOTALL)
(form,) = (form for form in forms if "Hana Example" in form)
fields = re.findall(r'name="([^"]+)"[^>]*?value="([^"]*)"', form)
chosen = client.post(begun.location.partition("?")[0], data={name: html.unescape(value) for name, value in fields})
end = client.get(chosen.location).location
versions = {one.metadata["Name"].lower(): one.version for one in importlib.metadata.distributions()}
print(json.dumps({"end": end, "user": client.get(end).json, "versions": versions, "modules": [*sys.modules]}))
"""
"""A sign-in at the development provider with the application of README.md, in one process."""

ENVIRONMENTS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("floors", "newest")]
"""Each is made by one process, since it takes half a minute."""

OPTIONAL = {"redis", "flask_login", "flask_caching", "psycopg"}

PROVIDERS, STATIC, SIGN_IN = "/api/auth/providers", "/genkan/static/js/session.js", "/api/auth/signin"


@pytest.fixture(scope="session", name="wheel")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel, built from the source archive, so that both are known to be complete. Nothing is downloaded."""
    folder = tmp_path_factory.mktemp("dist")
    with tarfile.open(build("sdist", ROOT, folder)) as archive:
        archive.extractall(folder, filter="data")
    (source,) = (path for path in folder.iterdir() if path.is_dir())
    return build("wheel", source, folder)


def build(target: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, capture_output=True, text=True, check=True, timeout=60)
    (built,) = folder.glob({"sdist": "*.tar.gz", "wheel": "*.whl"}[target])
    return built


@pytest.fixture(scope="session", name="installed")
def _installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the installed wheel only. The dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel)]
    subprocess.run([*installer(), *options], capture_output=True, text=True, check=True, timeout=60)
    return folder


def installer() -> list[str]:
    """Return the command that installs packages: pip, or uv in an environment that uv has created without pip."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    uv = shutil.which("uv") or str(ROOT / ".tools/bin/uv")
    return [uv, "pip", "install", "--offline", "--python", sys.executable]


@pytest.fixture(scope="session", name="result")
def _result(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what APPLICATION prints. It runs with the installed wheel, in a folder outside the checkout."""
    folder = tmp_path_factory.mktemp("application")
    (folder / "shop.py").write_text(APPLICATION)
    environ = {
        "PYTHONPATH": str(installed),
        "GENKAN_DATABASE_URL": f"sqlite:///{folder}/genkan.db",
    }
    command = [sys.executable, "-W", "error", "shop.py", PROVIDERS, STATIC, SIGN_IN]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_the_wheel_contains_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(["git", "ls-files", "genkan"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert names == {path for path in listed.splitlines() if (ROOT / path).is_file()}
    assert "genkan/py.typed" in names


def test_the_metadata_names_licence_python_and_dependencies(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = message_from_bytes(archive.read(path))
        licences = [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]

    assert (metadata["Name"], metadata["License-Expression"], len(licences)) == ("genkan", "MIT", 1)
    assert metadata["Requires-Python"] == ">=3.11"
    assert "flask>=3.0" in metadata.get_all("Requires-Dist", [])
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "caching",
        "login",
        "passkeys",
        "passwords",
        "postgres",
        "redis",
        "test",
        "totp",
    }


def test_an_application_imports_the_installed_package(result: dict[str, Any], installed: Path) -> None:
    assert Path(result["package"]) == installed / "genkan/__init__.py"


def test_importing_the_package_does_not_import_the_http_client(result: dict[str, Any]) -> None:
    """Only a sign-in needs it. It takes six MiB of each worker and a tenth of a second."""
    assert result["light"]


def test_the_installed_package_migrates_a_database(result: dict[str, Any]) -> None:
    assert result["pending"] is False


def test_the_installed_package_serves_its_routes_templates_and_static_files(result: dict[str, Any]) -> None:
    pages = result["pages"]

    assert {path: page[:2] for path, page in pages.items()} == {
        PROVIDERS: [200, "application/json"],
        STATIC: [200, "text/javascript"],
        SIGN_IN: [200, "text/html"],
    }
    assert set(json.loads(pages[PROVIDERS][2])) == {"development", "email"}
    assert "Sign in with Development" in pages[SIGN_IN][2]
    assert pages[STATIC][2] == (ROOT / "genkan/web/static/js/session.js").read_text()


@pytest.fixture(scope="session", name="environment", params=ENVIRONMENTS)
def _environment(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment into which only the wheel was installed, with the lowest versions it allows or the newest."""
    folder = tmp_path_factory.mktemp(request.param)
    command = [python_3_11(), "-m", "venv", "--without-pip", str(folder / "environment")]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    floors = (f"{name}=={version}" for name, version in FLOOR.findall(dependencies(wheel)))
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(floors) if request.param == "floors" else "")
    install = [*environment_installer(folder / "environment"), "--quiet", "--constraint", str(constraints), str(wheel)]
    subprocess.run(install, capture_output=True, text=True, check=True, timeout=240)
    return folder


def python_3_11() -> str:
    """Return the oldest Python that the package supports, for which the floors are chosen."""
    return (
        sys.executable
        if sys.version_info[:2] == (3, 11)
        else shutil.which("python3.11") or missing("Python 3.11", "python3.11")
    )


FLOOR = re.compile(r"^([a-z0-9-]+)>=([0-9.]+)$", re.MULTILINE)


def dependencies(wheel: Path) -> str:
    """Return the requirements of the wheel that belong to no extra, one a line."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return "\n".join(message_from_bytes(archive.read(path)).get_all("Requires-Dist", []))


def environment_installer(environment: Path) -> list[str]:
    python = str(environment / "bin/python")
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install"]
    return [shutil.which("uv") or str(ROOT / ".tools/bin/uv"), "pip", "install", "--python", python]


def sign_in(environment: Path, application: str) -> dict[str, Any]:
    """Run SIGN_IN_SCRIPT with this application in this environment, and return what it prints."""
    folder = environment / f"application-{len(list(environment.iterdir()))}"
    folder.mkdir()
    (folder / "shop.py").write_text(application)
    (folder / "sign_in.py").write_text(SIGN_IN_SCRIPT)
    command = [str(environment / "environment/bin/python"), "sign_in.py"]
    done = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_the_lines_of_the_documentation_run_in_an_empty_environment(environment: Path) -> None:
    result = sign_in(environment, EIGHT_LINES)

    assert (result["end"], result["user"]) == ("http://localhost/private", {"user": "Hana Example"})
    assert {"sqlalchemy", "alembic"} <= set(result["modules"])
    assert {name.replace("_", "-") for name in OPTIONAL} & set(result["versions"]) == set()


def test_without_a_database_neither_sqlalchemy_nor_alembic_is_needed(environment: Path) -> None:
    packages = next((environment / "environment/lib").glob("python*/site-packages"))
    for path in [*packages.glob("sqlalchemy*"), *packages.glob("SQLAlchemy*"), *packages.glob("alembic*")]:
        path.rename(environment / path.name)
    try:
        result = sign_in(environment, EIGHT_LINES.replace("Genkan(app)", "Genkan(app, database=None)"))
    finally:
        for path in [*environment.glob("sqlalchemy*"), *environment.glob("SQLAlchemy*"), *environment.glob("alembic*")]:
            path.rename(packages / path.name)

    assert (result["end"], result["user"]) == ("http://localhost/private", {"user": "Hana Example"})
    assert {"sqlalchemy", "alembic", *OPTIONAL} & set(result["modules"]) == set()
