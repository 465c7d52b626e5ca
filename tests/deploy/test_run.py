"""`make run`: the settings it creates and the messages it prints."""

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
    """Return the path of a settings file, with a umask that makes new files readable by all users."""
    before = os.umask(0)
    yield tmp_path / ".env"
    os.umask(before)


def test_the_first_start_creates_a_secret_that_only_the_owner_can_read(environment_file: Path) -> None:
    run.write_env_file(environment_file)
    assert environment_file.stat().st_mode & 0o777 == 0o600
    values = {name: value or "" for name, value in dotenv_values(environment_file).items()}
    settings = environment.from_environment(values)
    assert (settings.production, settings.warnings) == (False, ())
    assert environment.from_environment(
        {**values, "GENKAN_ENV": "production", "AUTH_URL": "https://app.example.test"}
    ).production


def test_each_file_gets_its_own_secret_and_keeps_it(environment_file: Path) -> None:
    run.write_env_file(environment_file)
    first = environment_file.read_text()
    run.write_env_file(environment_file)
    assert environment_file.read_text() == first
    environment_file.unlink()
    run.write_env_file(environment_file)
    assert environment_file.read_text() != first


def test_the_secret_is_not_printed(environment_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run.write_env_file(environment_file)
    assert capfd.readouterr() == ("", "")


def test_a_port_in_use_is_one_error_sentence_with_a_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"^PORT: {port} cannot be used .* PORT=\d+ make run$"):
            require_free_port(replace(SETTINGS, port=port), "run")


def test_checking_a_free_port_leaves_it_free() -> None:
    settings = replace(SETTINGS, port=free_port())
    require_free_port(settings, "run")
    require_free_port(settings, "run")


@pytest.mark.parametrize("host", ["999.1.1.1", "nowhere.invalid", "203.0.113.7", "a..b"])
def test_a_host_of_another_machine_is_one_error_sentence_with_a_remedy(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^HOST: .* 127\.0\.0\.1"):
        require_free_port(replace(SETTINGS, host=host, port=free_port()), "serve")


def test_a_host_name_is_checked_at_its_ipv4_address() -> None:
    """Both servers listen on the IPv4 address of a name."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"^PORT: {port} cannot be used"):
            require_free_port(replace(SETTINGS, host="localhost", port=port), "serve")


@pytest.mark.parametrize("content", ["", "\n", "AUTH_SECRET=\n", "AUTH_GITHUB_ID=Iv1.8a61f9b3", "# mine\nPORT=5050\n"])
def test_a_file_without_a_secret_gets_one_and_keeps_its_content(environment_file: Path, content: str) -> None:
    """The operator wrote other settings first, or the first start was interrupted."""
    environment_file.write_text(content)
    before = dotenv_values(environment_file)
    run.write_env_file(environment_file)
    after = {name: value or "" for name, value in dotenv_values(environment_file).items()}
    assert not environment.from_environment(after).production
    assert len(after["AUTH_SECRET"]) >= 32
    assert before.items() - {("AUTH_SECRET", "")} <= after.items()
    assert environment_file.read_text().startswith(content.strip())
    assert environment_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in environment_file.parent.iterdir()] == [".env"]


@pytest.mark.parametrize("content", ["AUTH_SECRET=mine-of-old", "export AUTH_SECRET_2='mine'\n"])
def test_a_file_with_a_secret_is_left_unchanged(environment_file: Path, content: str) -> None:
    environment_file.write_text(content)
    run.write_env_file(environment_file)
    assert environment_file.read_text() == content


def test_a_symbolic_link_to_the_file_is_kept(environment_file: Path) -> None:
    environment_file.symlink_to(environment_file.with_name("shared"))
    environment_file.with_name("shared").write_text("PORT=5050\n")
    run.write_env_file(environment_file)
    assert environment_file.is_symlink()
    assert "AUTH_SECRET=" in environment_file.with_name("shared").read_text()


def test_a_file_that_is_not_text_is_an_error_that_names_it(environment_file: Path) -> None:
    environment_file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"^\.env: "):
        run.write_env_file(environment_file)


def test_a_folder_that_is_not_writable_is_an_error_that_names_the_file(environment_file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^\.env: .*write"):
        run.write_env_file(environment_file / "missing" / ".env")


def test_the_request_log_leaves_out_query_strings(caplog: pytest.LogCaptureFixture) -> None:
    handler = run.RedactingRequestHandler.__new__(run.RedactingRequestHandler)
    handler.client_address, handler.command = ("127.0.0.1", 1), "GET"
    handler.path, handler.request_version = "/api/auth/callback/x?code=hunter22", "HTTP/1.1"
    with caplog.at_level("INFO", "werkzeug"):
        handler.log_request(303)
    assert "/api/auth/callback/x HTTP/1.1" in caplog.text
    assert "hunter22" not in caplog.text


def test_a_syntax_error_is_printed_and_the_server_stays_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "import_module", raise_syntax_error)
    response = Client(run.load_app()).get("/")
    assert response.status_code == 500
    assert "SyntaxError" not in response.text
    assert "SyntaxError: invalid syntax" in capsys.readouterr().err


def raise_syntax_error(name: str) -> NoReturn:
    raise SyntaxError(f"invalid syntax in {name}")
