"""Runs a page of the documentation in an empty folder: writes its files, and runs its commands in their order."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from genkan.settings.environment import ROOT
from tests.docs.blocks import Block
from tests.docs.commands import SERVERS, is_outside
from tests.servers.process import free_port

COMMAND_TIMEOUT = 120
START_TIMEOUT = 90
EXITS_WITH = re.compile(r"#.*\bexits? with (\d+)\b")


class PageRunner:
    """Page in a folder. `package` is a folder that contains the installed package. Leaving it stops the servers."""

    def __init__(self, folder: Path, package: Path) -> None:
        self._folder = folder / "page"
        self._folder.mkdir()
        self._state = folder / "state.sh"
        self._ports: dict[str, str] = {}
        self._servers = ExitStack()
        programs = folder / "bin"
        programs.mkdir()
        self._program(programs / "sign-in", f'PYTHONPATH={ROOT} exec {sys.executable} -P -m tests.docs.sign_in "$@"')
        for name in ("python", "python3"):
            self._program(programs / name, f'exec {sys.executable} "$@"')
        path = f"{programs}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        # Nothing of a page may need the network, so requests through a proxy fail at once.
        settings = {"PATH": path, "HOME": str(folder), "PYTHONPATH": str(package), "LANG": "C.UTF-8"}
        settings |= {"https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"}
        settings |= {"FLASK_RUN_PORT": self._port("5000"), "PYTHONDONTWRITEBYTECODE": "1"}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
        self._state.write_text("\n".join([*lines, f"cd {self._folder}"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.close()

    def run(self, blocks: list[Block]) -> None:
        """Run the blocks of a page. Raises AssertionError that names the block."""
        output = None
        for block in blocks:
            if block.file is not None:
                self.write(block.file, block.text)
                output = None
            elif block.language == "sh":
                output = "".join(self.execute(block, command) for command in commands(block.text))
            elif block.language == "text" and output is not None:
                check_output(block, self._with_ports(block.text), output)
                output = None

    def write(self, name: str, text: str) -> None:
        """Write a file of the page. A second block of the same name replaces it."""
        path = (self._folder / name).resolve()
        assert path.is_relative_to(self._folder), f"{name} is outside the folder of the page"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self._with_ports(text))

    def execute(self, block: Block, command: str) -> str:
        """Run one command in the state that the commands before it have left, and return its output."""
        if is_outside(command):
            return ""
        if SERVERS.match(command):
            self._start(block, self._with_ports(command))
            return ""
        script = f". {self._state}\n{self._with_ports(command)}\nstatus=$?\nexport -p >{self._state}\n"
        script += f'printf "cd %q\\n" "$PWD" >>{self._state}\nexit $status\n'
        result = subprocess.run(
            ["env", "-i", "bash", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
        expected = EXITS_WITH.search(command)
        wanted = int(expected[1]) if expected else 0
        assert result.returncode == wanted, (
            f"{block.place}: {command}\nexits with {result.returncode}:\n{result.stdout}"
        )
        return result.stdout

    def _start(self, block: Block, command: str) -> None:
        log = self._state.with_name(f"server-{time.monotonic_ns()}.log")
        with log.open("w") as stream:
            server = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", "env", "-i", "bash", "-c", f". {self._state}\nexec {command}"],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        self._servers.callback(_stop, server)
        documented = re.search(r"(?:-p|--port|-b|--bind|--listen)[ =](?:[\w.]+:)?(\d+)", command)
        port = int(documented[1] if documented else self._port("5000"))
        deadline = time.monotonic() + START_TIMEOUT
        while not _accepts(port):
            assert server.poll() is None, f"{block.place}: {command}\nended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"{block.place}: {command}\ndid not listen:\n{log.read_text()}"
            time.sleep(0.05)

    def _port(self, documented: str) -> str:
        return self._ports.setdefault(documented, str(free_port()))

    def _with_ports(self, text: str) -> str:
        """Replace each port of this computer by a free one, the same for the whole page."""
        return re.sub(
            r"((?:127\.0\.0\.1|localhost|0\.0\.0\.0):|(?:-p|--port)[ =])(\d{2,5})\b",
            lambda found: found[1] + self._port(found[2]),
            text,
        )

    @staticmethod
    def _program(path: Path, script: str) -> None:
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def commands(text: str) -> list[str]:
    """Return the commands of a block: a line each, with the lines that a backslash continues."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def check_output(block: Block, expected: str, output: str) -> None:
    """Check that each line of `expected` is in the output, in this order. `…` stands for any characters."""
    rest = output
    for line in filter(None, map(str.strip, expected.splitlines())):
        pattern = ".*?".join(re.escape(part) for part in line.split("…"))
        found = re.search(pattern, rest)
        assert found, f"{block.place}: the output has no line\n  {line}\nin:\n{output}"
        rest = rest[found.end() :]


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(30)
