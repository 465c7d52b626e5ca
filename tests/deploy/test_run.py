"""`make run`: what it makes for a newcomer, and what it tells."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from dotenv import dotenv_values
from werkzeug.test import Client

from deploy import run
from deploy.ports import require_free_port
from genkan.errors import ConfigurationError
from genkan.settings import environment
from tests.servers.process import free_port

SETTINGS = environment.from_environment(
    {"GENKAN_ENV": "development", "AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-"}
)


@pytest.fixture(name="environment_file")
def _environment_file(tmp_path: Path) -> Iterator[Path]:
    """A place for a file of settings, in a process that would let everybody read what it writes."""
    before = os.umask(0)
    yield tmp_path / ".env"
    os.umask(before)


def test_a_newcomer_gets_a_secret_that_nobody_else_can_read(environment_file: Path) -> None:
    run.write_env_file(environment_file)
    assert environment_file.stat().st_mode & 0o777 == 0o600
    made = {name: value or "" for name, value in dotenv_values(environment_file).items()}
    settings = environment.from_environment(made)
    assert (settings.production, settings.warnings) == (False, ())
    assert environment.from_environment(
        {**made, "GENKAN_ENV": "production", "AUTH_URL": "https://app.example.test"}
    ).production


def test_no_two_newcomers_get_the_same_secret_and_no_one_a_second_one(environment_file: Path) -> None:
    run.write_env_file(environment_file)
    first = environment_file.read_text()
    run.write_env_file(environment_file)
    assert environment_file.read_text() == first
    environment_file.unlink()
    run.write_env_file(environment_file)
    assert environment_file.read_text() != first


def test_the_secret_is_not_told(environment_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run.write_env_file(environment_file)
    assert capfd.readouterr() == ("", "")


def test_a_port_in_use_is_one_sentence_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"^PORT: {port} cannot be used .* PORT=\d+ make run$"):
            require_free_port(replace(SETTINGS, port=port), "run")


def test_a_free_port_is_free_afterwards_too() -> None:
    settings = replace(SETTINGS, port=free_port())
    require_free_port(settings, "run")
    require_free_port(settings, "run")


@pytest.mark.parametrize("host", ["999.1.1.1", "nowhere.invalid", "203.0.113.7", "a..b"])
def test_a_host_that_is_not_ours_is_one_sentence_with_the_way_out(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^HOST: .* 127\.0\.0\.1"):
        require_free_port(replace(SETTINGS, host=host, port=free_port()), "serve")


def test_a_name_is_looked_for_where_both_servers_listen() -> None:
    """They take a name for IPv4, and so must the look before."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"^PORT: {port} cannot be used"):
            require_free_port(replace(SETTINGS, host="localhost", port=port), "serve")


@pytest.mark.parametrize("written", ["", "\n", "AUTH_SECRET=\n", "AUTH_GITHUB_ID=Iv1.8a61f9b3", "# mine\nPORT=5050\n"])
def test_a_file_without_a_secret_gets_one_and_keeps_what_it_has(environment_file: Path, written: str) -> None:
    """Somebody wrote their keys there first, or the first start was ended before it had written."""
    environment_file.write_text(written)
    before = dotenv_values(environment_file)
    run.write_env_file(environment_file)
    after = {name: value or "" for name, value in dotenv_values(environment_file).items()}
    assert not environment.from_environment(after).production
    assert len(after["AUTH_SECRET"]) >= 32
    assert before.items() - {("AUTH_SECRET", "")} <= after.items()
    assert environment_file.read_text().startswith(written.strip())
    assert environment_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in environment_file.parent.iterdir()] == [".env"]


@pytest.mark.parametrize("written", ["AUTH_SECRET=mine-of-old", "export AUTH_SECRET_2='mine'\n"])
def test_a_file_with_a_secret_is_left_as_it_is(environment_file: Path, written: str) -> None:
    environment_file.write_text(written)
    run.write_env_file(environment_file)
    assert environment_file.read_text() == written


def test_a_link_to_the_file_stays_one(environment_file: Path) -> None:
    environment_file.symlink_to(environment_file.with_name("shared"))
    environment_file.with_name("shared").write_text("PORT=5050\n")
    run.write_env_file(environment_file)
    assert environment_file.is_symlink()
    assert "AUTH_SECRET=" in environment_file.with_name("shared").read_text()


def test_a_file_that_is_no_text_is_named(environment_file: Path) -> None:
    environment_file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"^\.env: "):
        run.write_env_file(environment_file)


def test_a_folder_that_can_not_be_written_is_named(environment_file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^\.env: .*write"):
        run.write_env_file(environment_file / "missing" / ".env")


def test_the_log_of_requests_leaves_out_where_codes_travel(caplog: pytest.LogCaptureFixture) -> None:
    handler = run.RedactingRequestHandler.__new__(run.RedactingRequestHandler)
    handler.client_address, handler.command = ("127.0.0.1", 1), "GET"
    handler.path, handler.request_version = "/api/auth/callback/x?code=hunter22", "HTTP/1.1"
    with caplog.at_level("INFO", "werkzeug"):
        handler.log_request(303)
    assert "/api/auth/callback/x HTTP/1.1" in caplog.text
    assert "hunter22" not in caplog.text


def test_a_slip_of_the_pen_is_shown_and_waited_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "import_module", slip)
    response = Client(run.load_app()).get("/")
    assert response.status_code == 500
    assert "SyntaxError" not in response.text
    assert "SyntaxError: a slip" in capsys.readouterr().err


def slip(name: str) -> NoReturn:
    raise SyntaxError(f"a slip in {name}")
