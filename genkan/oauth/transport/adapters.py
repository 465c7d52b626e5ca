"""The one door to the network: every call out is short, small, straight and one of few (docs/requirements.md O13).

A provider that hangs, drips, redirects or floods costs a sign-in, never a worker: no call outlives its deadline or
the visit's budget, and no provider holds more than its share of the calls in flight.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from threading import Thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from werkzeug.test import Client

from genkan import strict_json
from genkan.http.urls import is_loopback
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from genkan.oauth.transport.deadline import deadline, remaining
from genkan.oauth.transport.response import BODY_BYTES, BodyTooLarge, LimitedResponse

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

CONNECT_SECONDS = 3.0
"""A provider that does not take the call by then is down; a packet lost once is sent again after one second."""

DEADLINE_SECONDS = 10.0
"""From waiting for a place and looking up the name to the last byte of the body: as long as a visitor waits for a page.
A visit that needs several calls gives them this time together, by `genkan.oauth.transport.deadline`."""


class OutboundError(requests.RequestException):
    """A call out that came to nothing. Says the host and the reason, never the path, the query or a secret."""


class ConnectionFailed(OutboundError):
    """Refused, unresolved, untrusted, cut off, too slow, or too many calls in flight; later may be better."""


class ResponseTooLarge(OutboundError):
    """The answer passed the size limit, on the wire or unpacked."""


class UnexpectedRedirect(OutboundError):
    """The answer pointed elsewhere; following it could carry a client secret to a stranger (RFC 9700 4.12)."""


class URLNotAllowed(OutboundError):
    """The address is neither https nor loopback, so nothing was sent there."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take, in seconds; a budget that it is made in may leave it less."""

    connect: float = CONNECT_SECONDS
    deadline: float = DEADLINE_SECONDS


_SHARED = ConcurrencyLimit()
"""For all sessions of the process: Authlib makes one per call, so none of them could count."""


def mount_adapters(
    session: requests.Session,
    *,
    wsgi_apps: Mapping[str, WSGIApplication] = MappingProxyType({}),
    limits: Limits = Limits(),
    bulkhead: ConcurrencyLimit = _SHARED,
) -> None:
    """Put every call of `session` under the limits, whatever its own arguments or the environment say.

    URLs below a prefix in `wsgi_apps` never leave the process: that application answers them.
    Calls raise OutboundError, and nothing but it for whatever the other side does.
    """
    session.trust_env = False  # no proxy, no CA bundle and no .netrc password by environment
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers["Accept-Encoding"] = "identity"  # answers are small; packed ones are unpacked all the same
    session.headers["Connection"] = "close"  # a kept connection that died in the meantime would lose a code
    session.hooks["response"].append(_read_json_strictly)
    for scheme in ("https://", "http://"):
        session.mount(scheme, LimitedAdapter(limits, bulkhead))
    for prefix, application in wsgi_apps.items():
        session.mount(prefix.rstrip("/") + "/", WSGIAdapter(application))


def _read_json_strictly(answer: requests.Response, **_: object) -> None:
    # Authlib asks the response for its JSON. The parser of requests lets through NaN and lone surrogates.
    answer.json = lambda **_: strict_json.loads(answer.content)  # type: ignore[method-assign]


def is_allowed_url(url: str) -> bool:
    """Whether a provider may live there: https anywhere, plain http on loopback only, never with a password in it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or not _PLAIN.fullmatch(url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without space and backslash: the characters on which all URL parsers agree."""


class _Pool(HTTPConnectionPool):
    class ConnectionCls(HTTPConnection):
        response_class = LimitedResponse


class _SecurePool(HTTPSConnectionPool):
    class ConnectionCls(HTTPSConnection):
        response_class = LimitedResponse


class LimitedAdapter(HTTPAdapter):
    """Sends over real sockets under the limits.

    Each call runs in a thread of its own and the caller waits for it no longer than the deadline. That bounds
    what no timeout of a socket does: a name server that does not answer, and many dead addresses in a row. The
    place in the bulkhead is given back when the thread is done, so what still hangs there stays counted.
    """

    def __init__(self, limits: Limits, bulkhead: ConcurrencyLimit) -> None:
        super().__init__()
        self._limits = limits
        self._bulkhead = bulkhead
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def send(self, request: requests.PreparedRequest, *_: object, **options: Any) -> requests.Response:
        """Answer with the whole body read. Of the options only `cert` and a path to a CA bundle are heeded."""
        url = request.url or ""
        host = urlsplit(url).netloc
        if not is_allowed_url(url):
            raise URLNotAllowed(f"{host}: https is needed")
        trust = {"verify": options.get("verify") or True, "cert": options.get("cert")}
        with deadline(self._limits.deadline):
            try:
                return self._begin(host, request, trust).result(remaining())
            except TimeoutError:
                raise ConnectionFailed(f"{host}: no whole answer in time") from None

    def _begin(self, host: str, *call: Any) -> Future[requests.Response]:
        answer: Future[requests.Response] = Future()
        if not self._bulkhead.acquire(host, remaining()):
            raise ConnectionFailed(f"{host}: too many calls in flight")
        try:
            Thread(target=self._fulfil, args=(answer, host, remaining(), *call), daemon=True).start()
        except RuntimeError as error:  # the system has no thread left to give
            self._bulkhead.release(host)
            raise ConnectionFailed(f"{host}: {error}") from error
        return answer

    def _fulfil(self, answer: Future[requests.Response], host: str, *call: Any) -> None:
        try:
            answer.set_result(self._exchange(host, *call))
        except BaseException as error:  # noqa: BLE001 - it must surface in the caller's thread, whatever it is
            answer.set_exception(error)

    def _exchange(
        self, host: str, seconds: float, request: requests.PreparedRequest, trust: dict[str, Any]
    ) -> requests.Response:
        try:
            if seconds <= 0:
                raise ConnectionFailed(f"{host}: no time left")
            timeout: Any = urllib3.Timeout(connect=self._limits.connect, total=seconds)
            return _read(super().send(request, stream=True, timeout=timeout, **trust), host)
        except BodyTooLarge:
            raise ResponseTooLarge(f"{host}: more than {BODY_BYTES} bytes") from None
        except OutboundError:
            raise
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise ConnectionFailed(f"{host}: {type(error).__name__}") from error
        finally:
            self._bulkhead.release(host)


def _read(response: requests.Response, host: str) -> requests.Response:
    try:
        _refuse_redirect(response, host)
        body = response.raw.read(BODY_BYTES + 1, decode_content=True)
    finally:
        response.raw.close()
    if len(body) > BODY_BYTES:
        raise BodyTooLarge
    response.raw = io.BytesIO(body)
    return response


def _refuse_redirect(response: requests.Response, host: str) -> None:
    if response.status_code // 100 == 3:
        raise UnexpectedRedirect(f"{host}: answered {response.status_code}")


class WSGIAdapter(HTTPAdapter):
    """Answers from a WSGI application in this process, so that one worker can be its own provider.

    Redirects are refused as over the network; time and size are not limited, since the application is ours.
    """

    def __init__(self, application: WSGIApplication) -> None:
        super().__init__()
        self._client = Client(application, use_cookies=False)

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """Return the answer with its whole body. Raises Redirected, and what the application raises."""
        url = request.url or ""
        parts = urlsplit(url)
        with self._client.open(
            url,
            base_url=f"{parts.scheme}://{parts.netloc}/",
            method=request.method or "GET",
            headers=list(request.headers.items()),
            data=request.body,
            environ_base={"REMOTE_ADDR": "127.0.0.1"},
        ) as answer:
            headers = urllib3.HTTPHeaderDict(answer.headers.to_wsgi_list())
            body = io.BytesIO(answer.get_data())
        raw = urllib3.HTTPResponse(body, headers, answer.status_code, preload_content=False)
        response = self.build_response(request, raw)
        _refuse_redirect(response, parts.netloc)
        return response
