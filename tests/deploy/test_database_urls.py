"""An address of a database or a cache that cannot be one: one sentence, no value in it, nothing touched."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from deploy import serve
from genkan.adapters.sqlalchemy import migrations
from genkan.errors import ConfigurationError
from tests.servers.server import alone, environment

PASSWORD = "hunter22"
DATABASES = [
    f"postgresql://ann@db.example.test:{PASSWORD}/genkan",
    f"postgres://db.example.test:{PASSWORD}/genkan",
    f"postgresql://ann:x@db.example.test:{PASSWORD}",
    f"postgresql+asyncpg://ann:{PASSWORD}@127.0.0.1/genkan",
    f"postgresql+nothing://ann:{PASSWORD}@127.0.0.1/genkan",
    f"mysql://ann:{PASSWORD}@127.0.0.1/genkan",
    f"mysql+pymysql://ann:{PASSWORD}@127.0.0.1/genkan",
    f"oracle://ann:{PASSWORD}@127.0.0.1/genkan",
    f"foo://ann:{PASSWORD}@127.0.0.1/genkan",
]
CACHES = [
    f"redis://:{PASSWORD}/x@cache.example.test:6379/0",
    f"redis://ann:{PASSWORD}/@127.0.0.1/0",
    f"redis://127.0.0.1:{PASSWORD}/0",
    f"rediss://:{PASSWORD}/x@cache.example.test:6379/0",
]


def refusal(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What `make serve` says and ends with."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        serve.check_and_migrate()
    return str(caught.value)


def is_one_sentence_about(name: str, told: str) -> bool:
    return told.startswith((f"{name}: ", f"{name} ")) and told.isprintable() and PASSWORD not in told


@pytest.mark.parametrize("address", DATABASES)
def test_an_address_of_no_database_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    settings = {**environment(tmp_path), "DATABASE_URL": address}

    assert is_one_sentence_about("DATABASE_URL", refusal(settings, monkeypatch))


@pytest.mark.parametrize("address", CACHES)
def test_an_address_of_no_redis_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    settings = {**environment(tmp_path), "REDIS_URL": address}

    assert is_one_sentence_about("REDIS_URL", refusal(settings, monkeypatch))


@pytest.mark.parametrize(
    ("name", "address"), [("DATABASE_URL", DATABASES[0]), ("DATABASE_URL", DATABASES[-1]), ("REDIS_URL", CACHES[0])]
)
def test_so_it_is_told_on_the_terminal(tmp_path: Path, name: str, address: str) -> None:
    settings = {**environment(tmp_path), name: address}
    ended = subprocess.run(
        alone(["-m", "deploy.serve"], settings), capture_output=True, text=True, check=False, timeout=30
    )

    assert (ended.returncode, ended.stdout) == (os.EX_CONFIG, "")
    assert is_one_sentence_about(name, ended.stderr.removeprefix("genkan: ").removesuffix("\n"))


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to a folder"])
def test_what_is_no_file_is_refused_and_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    """A folder that lost its x bits could not be entered any more, nor /dev/null be written to by anybody else."""
    named = tmp_path / "named"
    if kind == "pipe":
        os.mkfifo(named)
    else:
        folder = tmp_path / ("folder" if kind.startswith("link") else "named")
        folder.mkdir()
        if folder != named:
            named.symlink_to(folder)
    named.chmod(0o757)
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: [^.]+[.] Name a file"):
        migrations.upgrade(f"sqlite:///{named}")

    assert stat.S_IMODE(named.stat().st_mode) == 0o757
    assert {path.name for path in tmp_path.iterdir()} <= {"named", "folder"}
