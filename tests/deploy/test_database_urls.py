"""Invalid values of DATABASE_URL and REDIS_URL: one error sentence without the value, and nothing is created."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from deploy import serve
from genkan.adapters.sqlalchemy import migrations
from genkan.errors import ConfigurationError
from tests.servers.server import SERVE, alone, environment

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


def error_of_serve(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the message of the ConfigurationError that `make serve` raises."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        serve.check_and_migrate()
    return str(caught.value)


def is_one_sentence_about(name: str, message: str) -> bool:
    return message.startswith((f"{name}: ", f"{name} ")) and message.isprintable() and PASSWORD not in message


@pytest.mark.parametrize("address", DATABASES)
def test_an_invalid_database_url_is_one_error_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    settings = {**environment(tmp_path), "DATABASE_URL": address}

    assert is_one_sentence_about("DATABASE_URL", error_of_serve(settings, monkeypatch))


@pytest.mark.parametrize("address", CACHES)
def test_an_invalid_redis_url_is_one_error_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    settings = {**environment(tmp_path), "REDIS_URL": address}

    assert is_one_sentence_about("REDIS_URL", error_of_serve(settings, monkeypatch))


@pytest.mark.parametrize(
    ("name", "address"), [("DATABASE_URL", DATABASES[0]), ("DATABASE_URL", DATABASES[-1]), ("REDIS_URL", CACHES[0])]
)
def test_make_serve_prints_the_error_sentence(tmp_path: Path, name: str, address: str) -> None:
    settings = {**environment(tmp_path), name: address}
    result = subprocess.run(alone(SERVE, settings), capture_output=True, text=True, check=False, timeout=30)

    assert (result.returncode, result.stdout) == (os.EX_CONFIG, "")
    assert is_one_sentence_about(name, result.stderr.removeprefix("genkan: ").removesuffix("\n"))


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to a folder"])
def test_a_path_that_is_no_regular_file_is_refused_and_left_unchanged(tmp_path: Path, kind: str) -> None:
    """Setting the mode of a folder would remove its x bits. Setting that of a device would affect other users."""
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
