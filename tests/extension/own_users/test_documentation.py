"""The application in docs/how-to/own-users.md runs as it is written."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genkan.settings.environment import ROOT
from tests.browser import Browser


@pytest.fixture(name="shop")
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    text = (ROOT / "docs/how-to/own-users.md").read_text()
    for name, source in re.findall(r"```{code-block} python\n:caption: (\w+\.py)\n\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module("shop")
    for name in {"shop", "changes"} & sys.modules.keys():
        del sys.modules[name]


def test_the_application_signs_in_its_own_users(shop: Any) -> None:
    app = shop.create_app()
    app.testing = True
    with app.app_context():
        shop.db.create_all()
        shop.db.session.add(shop.User(name="Hana", email="hana@example.com", email_confirmed=True, is_staff=True))
        shop.db.session.commit()
    app.test_client().get("/api/auth/csrf")
    known, new = Browser(app), Browser(app)
    known.sign_in("Hana Example")
    new.sign_in("Alex Admin")
    assert [(browser.session() or {})["user"]["id"] for browser in (known, new)] == ["1", "2"]
    assert [(browser.session() or {})["user"]["role"] for browser in (known, new)] == ["admin", "user"]
    with app.app_context():
        importlib.import_module("changes").make_staff(2)
    new.core.sessions.revocations.read_now()
    assert (new.session() or {})["user"]["role"] == "admin"
    with app.app_context():
        shop.db.session.delete(shop.db.session.get(shop.User, 1))
        shop.db.session.commit()
        shop.db.session.remove()
    known.core.sessions.revocations.read_now()
    assert known.session() is None
    with app.app_context():
        shop.db.engine.dispose()
