"""An application that adds Genkan with one line, and sets nothing, has sign-in."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import requests
from flask import Flask

from genkan.settings.environment import ROOT
from tests.browser import Browser
from tests.extension.conftest import MakeGuest
from tests.servers.process import free_port

LOCAL = "http://localhost"

EIGHT_LINES = """from flask import Flask
from genkan import Genkan, login_required, require_session

app = Flask(__name__)
Genkan(app)

@app.get("/private")
@login_required
def private():
    return {"user": require_session().user.name}
"""


def browser_of(app: Flask) -> Browser:
    """Return a browser of the application, whose origin is that of its first request."""
    app.test_client().get("/api/auth/csrf")
    return Browser(app)


def test_a_user_signs_in_and_out(guest: Flask) -> None:
    browser = browser_of(guest)
    assert browser.origin == LOCAL
    assert browser.get("/private").headers["Location"] == "/api/auth/signin?callbackUrl=%2Fprivate"
    assert browser.sign_in(callback_url="/private").headers["Location"] == f"{LOCAL}/private"
    user = browser.get("/private").get_json()["user"]
    assert (user["name"], user["role"]) == ("Hana Example", "user")
    assert user["id"]
    assert browser.get("/greeting").text == "Hello Hana Example"
    assert browser.get("/admin").status_code == 403
    browser.sign_out()
    assert browser.get("/greeting").text == "Hello stranger"


def test_the_secret_and_the_database_are_private_files_in_the_instance_folder(guest: Flask) -> None:
    browser_of(guest)
    folder = Path(guest.instance_path)
    assert {path.name for path in folder.iterdir()} >= {".gitignore", "genkan.db", "genkan.secret"}
    assert [(folder / name).stat().st_mode & 0o777 for name in ("genkan.db", "genkan.secret")] == [0o600, 0o600]


def test_a_second_process_has_the_same_secret(make_guest: MakeGuest) -> None:
    browser, other = browser_of(make_guest()), browser_of(make_guest())
    browser.sign_in()
    other.client.set_cookie("authjs.session-token", browser.cookie("authjs.session-token") or "")
    assert other.session() == browser.session()


def test_the_eight_lines_of_the_documentation_run_with_flask_run(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(EIGHT_LINES)
    port = free_port()
    command = ["env", "-i", f"PYTHONPATH={ROOT}", sys.executable, "-m", "flask", "run", "-p", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            origin, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 30
            with closing(requests.Session()) as client:
                while True:
                    try:
                        refused = client.get(f"{origin}/private", allow_redirects=False, timeout=10)
                        break
                    except requests.ConnectionError:
                        assert time.monotonic() < deadline
                        time.sleep(0.05)
                providers = client.get(f"{origin}/api/auth/providers", timeout=10).json()
        finally:
            server.terminate()
    assert refused.headers["Location"] == "/api/auth/signin?callbackUrl=%2Fprivate"
    assert providers["development"]["signinUrl"] == f"{origin}/api/auth/signin/development"


def test_the_documentation_has_these_lines() -> None:
    assert EIGHT_LINES in (ROOT / "README.md").read_text()
