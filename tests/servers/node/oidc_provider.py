"""Certified OpenID provider from npm, to test the client against an independent implementation."""

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
"""Secret that is wrong unless it is form-encoded before it is joined with the id (RFC 6749 section 2.3.1)."""

STEPS = 10
"""Maximum number of requests of one sign-in."""


class OidcProvider:
    """Running provider. Every account id can sign in. Name and email of an id outside `accounts` derive from the id."""

    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET

    def __init__(self, issuer: str, redirect_uris: Sequence[str]) -> None:
        self.issuer = issuer
        self._redirect_uris = tuple(redirect_uris)

    def sign_in(self, authorization_url: str, account: str = "visitor") -> str:
        """Sign in without JavaScript. Return the URL of the redirect to the client."""
        return self._submit_forms(authorization_url, {"account": account})

    def refuse(self, authorization_url: str) -> str:
        """Refuse the sign-in. Return the URL of the redirect to the client."""
        return self._submit_forms(authorization_url, {"refuse": "yes"})

    def _submit_forms(self, url: str, fields: Mapping[str, str]) -> str:
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
                    response = browser.post(form, data=fields, allow_redirects=False, timeout=10)
        raise AssertionError(f"no redirect to the client, the last page is {response.url}")


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
    """Run a provider with one client, CLIENT_ID. Raises NodeMissing.

    Name, email and picture are claims of the UserInfo response, with `id_token_claims` also of the ID token.
    With `refresh_tokens` it issues refresh tokens that can be used once.
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
    """Start the provider and return the issuer. Node hangs while it generates a key in one of some hundred starts."""
    try:
        return _issuer(settings, stack)
    except ProgramFailed:
        stack.close()
        return _issuer(settings, stack)


def _issuer(settings: Mapping[str, object], stack: ExitStack) -> str:
    program = stack.enter_context(Program("provider.mjs", json.dumps(settings)))
    return str(program.receive()["issuer"])
