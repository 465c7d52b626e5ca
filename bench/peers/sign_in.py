"""Sign-in at a running server. Returns the Cookie header of a user who is signed in there."""

from __future__ import annotations

import secrets

import requests


def with_form(origin: str) -> str:
    """Open the page that signs the only user in."""
    with _client() as client:
        client.get(f"{origin}/sign-in", timeout=30).raise_for_status()
        return _cookies(client)


def with_authjs(origin: str) -> str:
    """Submit the credentials form of Auth.js with its CSRF token."""
    with _client() as client:
        token = client.get(f"{origin}/api/auth/csrf", timeout=30).json()["csrfToken"]
        url = f"{origin}/api/auth/callback/credentials"
        client.post(url, data={"csrfToken": token}, allow_redirects=False, timeout=30).raise_for_status()
        return _cookies(client)


def with_better_auth(origin: str) -> str:
    """Sign a new user up, which signs the user in."""
    user = {"name": "Hana Example", "email": "hana@example.com", "password": secrets.token_urlsafe(16)}
    with _client() as client:
        url = f"{origin}/api/auth/sign-up/email"
        client.post(url, json=user, headers={"Origin": origin}, timeout=30).raise_for_status()
        return _cookies(client)


def _client() -> requests.Session:
    client = requests.Session()
    client.trust_env = False
    return client


def _cookies(client: requests.Session) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies)
