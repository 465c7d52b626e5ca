"""The Next.js application of examples/nextjs with its Flask back end, its provider, and nginx in front."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from genkan.settings.environment import ROOT
from tests.servers.node.nodejs import NodeMissing, find_node
from tests.servers.process import Process, free_port, missing

HERE = ROOT / "examples" / "nextjs"
INSTALL_TIMEOUT = BUILD_TIMEOUT = 190.0
"""Seconds. Both together are less than `faulthandler_timeout`."""

FRONT = """
daemon off;
master_process off;
pid pid;
error_log stderr notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {server}
}}
"""


def build() -> None:
    """Install the packages and build the application, each once for its files. Raises NodeMissing."""
    _, npm = find_node()
    with (HERE / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests may start at the same time
        packages = [HERE / "package.json", HERE / "package-lock.json"]
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        _once([npm, "ci", *quiet], HERE / "node_modules" / ".installed-from", packages, INSTALL_TIMEOUT)
        sources = [*packages, HERE / "tsconfig.json", *HERE.glob("*.ts"), *HERE.glob("app/**/*.ts*")]
        _once([npm, "run", "build"], HERE / ".next" / ".built-from", sources, BUILD_TIMEOUT)


def _once(command: list[str], stamp: Path, inputs: list[Path], timeout: float) -> None:
    """Run the command, unless it has run for these inputs already."""
    # Next.js writes the types in next-env.d.ts itself.
    contents = (path.read_bytes() for path in sorted(inputs) if not path.name.endswith(".d.ts"))
    wanted = hashlib.sha256(b"\0".join(contents)).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    # `next build` writes the target of its rewrites into the build. nginx takes their place.
    environ = {**os.environ, "BACKEND_URL": "http://127.0.0.1:5000", "NEXT_TELEMETRY_DISABLED": "1"}
    try:
        subprocess.run(command, cwd=HERE, env=environ, check=True, capture_output=True, text=True, timeout=timeout)
    except subprocess.CalledProcessError as error:
        raise NodeMissing(f"{command[1:3]} failed: {(error.stderr + error.stdout)[-2000:]}") from error
    stamp.write_text(wanted)


class SharedSession:
    """The example with a database of its own. `origin` is that of nginx."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.origin = environ["AUTH_URL"]
        self.backend = Process(
            self._alone("flask", "--app", "backend/app", "run", "-p", self._port("BACKEND_URL")), "Running on"
        )

    def flask(self, *arguments: str) -> str:
        """Run a command of the back end and return what it prints."""
        command = self._alone("flask", "--app", "backend/app", *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    @contextmanager
    def next(self, command: str) -> Iterator[int]:
        """Run `next start` or `next dev` during the block, and yield its port."""
        port = free_port()
        with _running(self._alone("node_modules/.bin/next", command, "-H", "127.0.0.1", "-p", str(port)), "Ready in"):
            yield port

    @contextmanager
    def run(self, folder: Path) -> Iterator[None]:
        """Run everything during the block. The configuration of nginx is written to the folder."""
        with ExitStack() as stack:
            stack.enter_context(_running(self._alone("node", "provider.mjs"), "Provider ready"))
            self.backend.start()
            stack.callback(self.backend.stop)
            ports: dict[int, int | str] = {
                3000: stack.enter_context(self.next("start")),
                5000: self._port("BACKEND_URL"),
                8080: self._port("AUTH_URL"),
            }
            stack.enter_context(_running(_nginx(folder, ports), "getrlimit(RLIMIT_NOFILE)", signal.SIGKILL))
            yield

    def _port(self, variable: str) -> str:
        return self.environ[variable].rpartition(":")[2]

    def _alone(self, *command: str) -> list[str]:
        values = (f"{name}={value}" for name, value in self.environ.items())
        return ["env", f"--chdir={HERE}", "-i", *values, *command]


@contextmanager
def _running(command: list[str], ready: str, signum: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    process = Process(command, ready)
    process.start()
    try:
        yield
    finally:
        process.stop(signum)


def create(database_url: str) -> SharedSession:
    """Create the tables as the README says, and return the example, of which nothing runs yet."""
    url = re.sub(r"\+\w+", "", database_url)
    with psycopg.connect(url) as connection:
        connection.execute((HERE / "schema.sql").read_bytes())
    front, back, provider = free_port(), free_port(), free_port()
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "NEXT_TELEMETRY_DISABLED": "1",
        **_variables((HERE / "example.env").read_text()),
        "AUTH_SECRET": "Wm9f2Lq8Zr4Tn6Yb1Xc3Vd5Hg7Jk0Ps-",
        "AUTH_URL": f"http://localhost:{front}",
        "AUTH_OIDC_ISSUER": f"http://localhost:{provider}",
        "BACKEND_URL": f"http://127.0.0.1:{back}",
        "DATABASE_URL": url,
    }
    example = SharedSession(environ)
    example.flask("genkan", "upgrade")
    return example


def _nginx(folder: Path, ports: Mapping[int, int | str]) -> list[str]:
    """Write a configuration that includes nginx.conf with other ports, and return the command that runs it."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        missing("nginx", "nginx-light")
    server = (HERE / "nginx.conf").read_text()
    for documented, used in ports.items():
        assert f"127.0.0.1:{documented};" in server
        server = server.replace(f"127.0.0.1:{documented};", f"127.0.0.1:{used};")
    (folder / "nginx.conf").write_text(FRONT.format(server=server))
    return [program, "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"]


def _variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.+)$", text, re.MULTILINE))
