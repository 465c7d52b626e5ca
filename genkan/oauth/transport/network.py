"""Transport adapters of requests: over the network under limits, and to an application in this process."""

from __future__ import annotations

import io
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import should_bypass_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from werkzeug.test import Client

from genkan.http.urls import is_loopback
from genkan.oauth.transport.concurrency import ConcurrencyLimit
from genkan.oauth.transport.deadline import deadline, remaining
from genkan.oauth.transport.limits import (
    ConnectionFailed,
    Limits,
    Network,
    OutboundError,
    ResponseTooLarge,
    UnexpectedRedirect,
    URLNotAllowed,
    is_allowed_url,
)
from genkan.oauth.transport.response import BODY_BYTES, READ_BYTES, BodyTooLarge, LimitedResponse

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class _Pool(HTTPConnectionPool):
    class ConnectionCls(HTTPConnection):
        response_class = LimitedResponse


class _SecurePool(HTTPSConnectionPool):
    class ConnectionCls(HTTPSConnection):
        response_class = LimitedResponse


_POOLS = {"http": _Pool, "https": _SecurePool}


class LimitedAdapter(HTTPAdapter):
    """Sends over the network under the limits.

    Each call runs in a thread of its own, and the caller waits for it until the deadline. A socket timeout limits neither
    a name server that does not respond nor a list of dead addresses. The call counts until its thread ends.
    """

    def __init__(self, limits: Limits, concurrency: ConcurrencyLimit, network: Network) -> None:
        super().__init__()
        self._limits = limits
        self._concurrency = concurrency
        self._network = network
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> urllib3.ProxyManager:
        """Return the pools for this proxy, whose responses have the same limits."""
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *_: object, **options: Any) -> requests.Response:
        """Return the response with its whole body. Of the options only `cert` and `verify` are used. Raises
        OutboundError."""
        url = request.url or ""
        host = urlsplit(url).netloc
        if not is_allowed_url(url):
            raise URLNotAllowed(f"{host}: https is needed")
        verify = options.get("verify")
        trust = {
            "verify": verify if isinstance(verify, str) else self._network.ca_bundle or True,
            "cert": options.get("cert"),
            "proxies": self._proxies(url),
        }
        with deadline(self._limits.deadline):
            try:
                return self._begin(host, request, trust).result(remaining())
            except TimeoutError:
                raise ConnectionFailed(f"{host}: no complete response in time") from None

    def _proxies(self, url: str) -> dict[str, str]:
        if self._network.proxy is None or is_loopback(urlsplit(url).hostname):
            return {}
        # None: NO_PROXY of the environment, which no header of a request can set.
        return {} if should_bypass_proxies(url, no_proxy=None) else {"https": self._network.proxy}

    def _begin(self, host: str, *call: Any) -> Future[requests.Response]:
        future: Future[requests.Response] = Future()
        if not self._concurrency.acquire(host, remaining()):
            raise ConnectionFailed(f"{host}: too many calls at once")
        try:
            Thread(target=self._fulfil, args=(future, host, remaining(), *call), daemon=True).start()
        except RuntimeError as error:  # the system has no more threads
            self._concurrency.release(host)
            raise ConnectionFailed(f"{host}: {error}") from error
        return future

    def _fulfil(self, future: Future[requests.Response], host: str, *call: Any) -> None:
        try:
            future.set_result(self._exchange(host, *call))
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            future.set_exception(error)

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
            self._concurrency.release(host)


def _read(response: requests.Response, host: str) -> requests.Response:
    try:
        _refuse_redirect(response, host)
        body = bytearray()
        while len(body) <= BODY_BYTES and (part := response.raw.read(READ_BYTES, decode_content=True)):
            body += part
    finally:
        response.raw.close()
    if len(body) > BODY_BYTES:
        raise BodyTooLarge
    response.raw = io.BytesIO(body)
    return response


def _refuse_redirect(response: requests.Response, host: str) -> None:
    if response.status_code // 100 == 3:
        raise UnexpectedRedirect(f"{host}: status {response.status_code}")


class WSGIAdapter(HTTPAdapter):
    """Sends to a WSGI application in this process, so that one worker can be its own provider.

    Redirects are refused as over the network. Time and size are not limited, since the application is ours.
    """

    def __init__(self, application: WSGIApplication) -> None:
        super().__init__()
        self._client = Client(application, use_cookies=False)

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """Return the response with its whole body. Raises UnexpectedRedirect, and what the application raises."""
        url = request.url or ""
        parts = urlsplit(url)
        with self._client.open(
            url,
            base_url=f"{parts.scheme}://{parts.netloc}/",
            method=request.method or "GET",
            headers=list(request.headers.items()),
            data=request.body,
            environ_base={"REMOTE_ADDR": "127.0.0.1"},
        ) as wsgi_response:
            headers = urllib3.HTTPHeaderDict(wsgi_response.headers.to_wsgi_list())
            body = io.BytesIO(wsgi_response.get_data())
        raw = urllib3.HTTPResponse(body, headers, wsgi_response.status_code, preload_content=False)
        response = self.build_response(request, raw)
        _refuse_redirect(response, parts.netloc)
        return response
