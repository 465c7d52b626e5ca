"""Transport adapters for calls to providers: limited in time, size and number, without redirects.

A provider that hangs, sends slowly, redirects or sends too much fails its own sign-ins, and never occupies a worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from genkan import strict_json
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from genkan.oauth.transport.limits import Limits, Network

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    import requests

_DEFAULT_LIMITS = Limits()
_DIRECT = Network()

_SHARED = ConcurrencyLimit()
"""Shared by all sessions of the process, since Authlib creates a session for each call."""


def mount_adapters(
    session: requests.Session,
    *,
    wsgi_apps: Mapping[str, WSGIApplication] = MappingProxyType({}),
    limits: Limits = _DEFAULT_LIMITS,
    concurrency: ConcurrencyLimit = _SHARED,
    network: Network = _DIRECT,
) -> None:
    """Apply the limits to every call of `session`, whatever its own arguments or the environment say.

    A URL below a prefix in `wsgi_apps` is served by that application in this process. Calls raise OutboundError for any
    failure of the other side.
    """
    # Imported here, because every worker imports this module, and only a sign-in needs the HTTP client.
    from http.cookiejar import DefaultCookiePolicy  # noqa: PLC0415

    from genkan.oauth.transport.network import LimitedAdapter, WSGIAdapter  # noqa: PLC0415

    session.trust_env = False  # of `network` only: no proxy, CA bundle or .netrc password from the environment
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers["Accept-Encoding"] = "identity"  # responses are small, and compressed ones are accepted too
    session.headers["Connection"] = "close"  # a code sent over a connection that has died would be lost
    session.hooks["response"].append(_read_json_strictly)
    for scheme in ("https://", "http://"):
        session.mount(scheme, LimitedAdapter(limits, concurrency, network))
    for prefix, application in wsgi_apps.items():
        session.mount(prefix.rstrip("/") + "/", WSGIAdapter(application))


def _read_json_strictly(response: requests.Response, **_: object) -> None:
    # Authlib calls `response.json()`. The parser of requests accepts NaN and lone surrogates.
    response.json = lambda **_: strict_json.loads(response.content)  # type: ignore[method-assign]
