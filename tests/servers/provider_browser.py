"""Browser at the certified provider from npm. It keeps the provider's cookies between sign-ins."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

import requests

from tests.servers.node.oidc_provider import STEPS, OidcProvider

FORM = re.compile(r'<form\b[^>]*method="post"[^>]*>', re.IGNORECASE)
ACTION = re.compile(r'action="([^"]*)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class ProviderBrowser:
    """Browser of one account. `sign_in_forms` counts the sign-in forms that the provider showed."""

    def __init__(self, provider: OidcProvider, account: str) -> None:
        self.provider, self.account = provider, account
        self.sign_in_forms = 0
        self._browser = requests.Session()
        self._browser.trust_env = False

    def follow(self, url: str, home: str) -> str:
        """Open the URL and submit the provider's forms. Return the first redirect to `home`, or the URL of the last
        page."""
        response = self._browser.get(url, allow_redirects=False, timeout=10)
        for _ in range(STEPS):
            target = urljoin(response.url, response.headers.get("Location", ""))
            if response.is_redirect and target.startswith(home):
                return target
            if response.is_redirect:
                response = self._browser.get(target, allow_redirects=False, timeout=10)
            elif FORM.search(response.text):
                response = self._submit(response)
            else:
                assert response.status_code == 200, response.text
                return response.url
        raise AssertionError(f"too many steps, the last one at {response.url}")

    def sign_out(self) -> str:
        """Sign out at the provider's end-session endpoint, without a request of an application."""
        return self.follow(f"{self.provider.issuer}/session/end", "nowhere")

    def _submit(self, response: requests.Response) -> requests.Response:
        form = FORM.search(response.text)
        action = ACTION.search(form[0]) if form else None
        fields = {name: unescape(value) for name, value in HIDDEN.findall(response.text)}
        if 'name="account"' in response.text:
            self.sign_in_forms += 1
            fields["account"] = self.account
        else:
            fields["logout"] = "yes"
        target = urljoin(response.url, unescape(action[1]) if action else "")
        return self._browser.post(target, data=fields, allow_redirects=False, timeout=10)
