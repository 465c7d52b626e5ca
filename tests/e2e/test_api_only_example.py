"""The example `api-only`: a front end on another origin signs in, works with the API and signs out."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from shutil import copytree, ignore_patterns

import pytest
from flask import Flask, send_from_directory
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from genkan.settings.environment import ROOT
from tests.e2e.live_server import serve
from tests.e2e.page_actions import press


def on_localhost(origin: str) -> str:
    return origin.replace("127.0.0.1", "localhost")


@pytest.fixture(name="front_end", scope="module")
def _front_end(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the API and the client, each on a port of its own. Return the origin of the client."""
    folder = tmp_path_factory.mktemp("live") / "example"
    copytree(ROOT / "examples/api-only", folder, ignore=ignore_patterns("__pycache__", "instance"))
    client, origins = Flask("client", static_folder=None), []
    client.add_url_rule("/", view_func=lambda: send_from_directory(folder / "client", "index.html"))
    client.add_url_rule("/<path:name>", "file", lambda name: send_from_directory(folder / "client", name))

    def note(origin: str) -> Flask:
        origins.append(on_localhost(origin))
        return client

    with serve(note), pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRONT_END_URL", origins[0])
        patch.syspath_prepend(str(folder))
        reference = sys.modules.pop("app")
        try:
            api: Flask = importlib.import_module("app").app
        finally:
            sys.modules["app"] = reference

        def start(origin: str) -> Flask:
            script = folder / "client/client.js"
            script.write_text(script.read_text().replace("http://localhost:5000", on_localhost(origin)))
            return api

        with serve(start):
            yield origins[0]


@pytest.fixture(name="page")
def _page(chromium: Chromium, front_end: str) -> Iterator[Page]:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(front_end)
    yield page
    context.close()


def test_a_user_signs_in_adds_a_task_and_signs_out(page: Page, front_end: str) -> None:
    status = page.get_by_role("status")
    expect(status).to_have_text("Signed out")
    press(page, "Sign in with")
    press(page, "Hana Example")

    expect(status).to_have_text("Signed in as Hana Example")
    assert page.url == f"{front_end}/"
    page.get_by_label("Title").fill("Write a test")
    press(page, "Add")
    expect(page.get_by_role("listitem")).to_have_text(["Write a test"])
    press(page, "Sign out")
    expect(status).to_have_text("Signed out")
    expect(page.get_by_role("listitem")).to_have_count(0)


def test_a_sign_in_that_is_refused_ends_at_the_front_end(page: Page, front_end: str) -> None:
    press(page, "Sign in with")
    press(page, "Refuse")

    expect(page.get_by_role("status")).to_have_text("The sign-in failed: declined")
    assert page.url.startswith(f"{front_end}/?error=OAuthCallbackError")
