"""The certified OpenID provider from npm: a second opinion on our client, not written by us."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from html import unescape
from urllib.parse import urljoin

import requests

from tests.servers.node.nodejs import Program, ProgramFailed

CLIENT_ID = "genkan:tests"
CLIENT_SECRET = "a:b%c&+/"
"""Comes out wrong unless it is form-encoded before it is joined (RFC 6749 2.3.1)."""

STEPS = 10
"""More than any sign-in takes."""


class OidcProvider:
    """A running provider. Anybody may sign in; who is not in `accounts` gets a name and an e-mail from the id."""

    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET

    def __init__(self, issuer: str, redirect_uris: Sequence[str]) -> None:
        self.issuer = issuer
        self._redirect_uris = tuple(redirect_uris)

    def sign_in(self, authorization_url: str, account: str = "visitor") -> str:
        """Go through its pages as a browser without scripts would; the URL the browser is sent back to."""
        return self._visit(authorization_url, {"account": account})

    def refuse(self, authorization_url: str) -> str:
        """Press "Refuse" there; the URL the browser is sent back to."""
        return self._visit(authorization_url, {"refuse": "yes"})

    def _visit(self, url: str, answers: Mapping[str, str]) -> str:
        with requests.Session() as browser:
            browser.trust_env = False
            response = browser.get(url, allow_redirects=False, timeout=10)
            for _ in range(STEPS):
                target = urljoin(response.url, response.headers.get("Location", ""))
                if target.startswith(self._redirect_uris):
                    return target
                if response.is_redirect:
                    response = browser.get(target, allow_redirects=False, timeout=10)
                else:
                    form = _form(response)
                    response = browser.post(form, data=answers, allow_redirects=False, timeout=10)
        raise AssertionError(f"no way back from {response.url}")


def _form(response: requests.Response) -> str:
    form = re.search(r'<form method="post"(?: action="([^"]*)")?', response.text)
    if response.status_code != 200 or form is None:
        raise AssertionError(f"{response.status_code} at {response.url}: {response.text}")
    return urljoin(response.url, unescape(form[1] or ""))


@contextmanager
def running(
    redirect_uris: Sequence[str],
    *,
    post_logout_redirect_uris: Sequence[str] = (),
    backchannel_logout_uri: str | None = None,
    accounts: Mapping[str, Mapping[str, object]] | None = None,
    id_token_claims: bool = False,
    refresh_tokens: bool = False,
    port: int = 0,
) -> Iterator[OidcProvider]:
    """A provider that knows one client, CLIENT_ID. Raises NodeMissing when it cannot be had.

    By itself it says name, e-mail and picture at userinfo only; with `id_token_claims` in the ID token too.
    With `refresh_tokens` it gives those, each of them good once.
    """
    settings = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": list(redirect_uris),
        "post_logout_redirect_uris": list(post_logout_redirect_uris),
        "backchannel_logout_uri": backchannel_logout_uri,
        "accounts": dict(accounts or {}),
        "id_token_claims": id_token_claims,
        "refresh_tokens": refresh_tokens,
        "port": port,
    }
    with ExitStack() as stack:
        yield OidcProvider(_start(settings, stack), redirect_uris)


def _start(settings: Mapping[str, object], stack: ExitStack) -> str:
    """The issuer. Node has been seen to lock itself up while it makes a key, once in hundreds of starts."""
    try:
        return _issuer(settings, stack)
    except ProgramFailed:
        stack.close()
        return _issuer(settings, stack)


def _issuer(settings: Mapping[str, object], stack: ExitStack) -> str:
    program = stack.enter_context(Program("provider.mjs", json.dumps(settings)))
    return str(program.hear()["issuer"])
