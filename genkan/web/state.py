"""The state of one application and of one request."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import RLock
from typing import Any, NamedTuple
from weakref import WeakSet

from flask import Blueprint, Flask, Request, Response, current_app, request, request_started
from flask.sansio.app import App
from werkzeug.exceptions import SecurityError
from werkzeug.wrappers import Response as BaseResponse

from genkan.adapters import Schema
from genkan.core import Core
from genkan.crypto.sealer import Clock
from genkan.errors import ConfigurationError, InvalidSettings
from genkan.http.cookies import Cookie, RequestCookies
from genkan.http.csrf import SAFE_METHODS, CSRFPair
from genkan.http.urls import is_path, origin_of
from genkan.session.reader import SessionResult
from genkan.settings.environment import Settings
from genkan.web.headers import SecurityHeaders

EXTENSION = "genkan"
"""The key in `app.extensions`."""

get_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001 (Werkzeug documents it)
"""Returns the current request itself. Each attribute that is read through Flask's `request` looks it up again (1 µs).
Raises RuntimeError outside a request."""

get_app: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001
"""Returns the current application itself, in the same way."""

_log = logging.getLogger("genkan.session")


class MovableClock:
    """Clock of an application under test. Call it for the time in seconds since 1970."""

    def __init__(self) -> None:
        self.base: Clock = time.time
        """The clock that this one is ahead of."""
        self.offset = 0.0
        """Seconds."""

    def __call__(self) -> float:
        """Return the time in seconds since 1970."""
        return self.base() + self.offset

    @property
    def now(self) -> float:
        """The time in seconds since 1970. A test may set it."""
        return self()

    @now.setter
    def now(self, seconds: float) -> None:
        self.offset += seconds - self()

    def advance(self, seconds: float) -> None:
        """Move the clock by this many seconds. A negative number turns it back."""
        self.offset += seconds

    def set(self, moment: datetime | float) -> None:
        """Set the clock to a datetime, or to seconds since 1970. It goes on from there. Raises ValueError without
        timezone."""
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise ValueError("genkan_clock.set: a datetime without a timezone is no moment. Add tzinfo=UTC.")
            moment = moment.timestamp()
        self.now = moment


class AppParts(NamedTuple):
    """The parts of an application's state that follow from its settings."""

    core: Core
    headers: SecurityHeaders
    json_headers: list[tuple[str, str]]
    """All headers of an uncached JSON response, except type and length."""
    server_timing: bool
    """True in development: the Server-Timing header tells how long reading the session took."""
    schema: Schema | None
    """The tables. None if there are none, or if the core was given."""


@dataclass(slots=True)
class Marks:
    """Blueprints that an application has marked. A child blueprint has the mark of its nearest parent that has one."""

    protected: WeakSet[Blueprint] = field(default_factory=WeakSet)
    """Every view needs a session, and every unsafe request a CSRF token."""
    exempt: WeakSet[Blueprint] = field(default_factory=WeakSet)
    """No view needs them, also with `strict`."""
    changes: int = 0
    """Number of calls of `set`."""

    def set(self, blueprint: Blueprint, *, protected: bool) -> None:
        """Mark a blueprint as protected or as exempt. The last mark counts."""
        added, other = (self.protected, self.exempt) if protected else (self.exempt, self.protected)
        added.add(blueprint)
        other.discard(blueprint)
        self.changes += 1


class AppState:
    """The state of one application. Endpoints and blueprints are complete at the first request.

    What follows from the settings is built at its first use, so that commands which need none of it run without settings.
    It raises InvalidSettings then.
    """

    def __init__(self, build: Callable[[], AppParts], *, strict: bool, marks: Marks | None = None) -> None:
        self.json_only = False
        """True: no page of the package is served, and every refusal is JSON."""
        self.strict = strict
        """True: every view is private, every unsafe request needs a CSRF token, and every response has our headers."""
        self.public: set[str] = set()
        """Endpoints that need no session."""
        self.csrf_exempt: set[str] = set()
        """Endpoints that check the CSRF token themselves."""
        self.protected: set[str] = set()
        """Endpoints that have the checks of `strict` in any application."""
        self.needing_session: set[str] = set()
        """`protected`, and the endpoints that have a decorator such as `login_required`."""
        self.marks = marks or Marks()
        """The blueprints that the application has marked."""
        self.collected_changes = 0
        """`marks.changes` when the endpoints were collected."""
        self.own_blueprints: set[str] = set()
        """Blueprints of the package, whose views always have the checks and the headers of `strict`."""
        self.before_request: list[Callable[[], BaseResponse | None]] = []
        """Functions called at the start of every request. A response ends it. Flask inspects each hook of its own at each
        request (2 µs)."""
        self.at_first_request: list[Callable[[], None]] = []
        """Functions called by `prepare`."""
        self.template_context: dict[str, object] = {}
        """Variables of every template of the package."""
        self.read_settings: Callable[[], Settings] | None = None
        """Returns the settings, for commands. Raises ConfigurationError. None if the core was given."""
        self.test_clock = MovableClock()
        """The clock of the fixture `genkan_clock`. Used if the application is under test when the core is built."""
        self.is_prepared = False
        """True if the functions of `at_first_request` were called."""
        self._build, self._lock, self._has_warned = build, RLock(), False

    def warn_of_unknown_cookie(self, result: SessionResult) -> None:
        """Log, once, that the browser's session cookie is another application's. For development on one computer."""
        is_unknown = result.cookie_names and not (result.cached or result.invalid or result.failed or result.further)
        if is_unknown and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "The browser's session cookie does not open: another application of this host has set it, or AUTH_SECRET has "
                "changed. If two run here, set GENKAN_COOKIE_PREFIX in one of them.",
                extra={"event": "session-unknown"},
            )

    def prepare(self, *_sender: object, **_more: object) -> None:
        """Call the functions of `at_first_request`, once. Takes the arguments of a signal's receiver."""
        if self.is_prepared:
            return
        with self._lock:
            # Another thread may have called them while this one waited.
            if not self.is_prepared:
                for function in self.at_first_request:
                    function()
                self.is_prepared = True
        request_started.disconnect(self.prepare)

    @cached_property
    def core(self) -> Core:
        """The parts of the sign-in."""
        return self._parts.core

    @cached_property
    def headers(self) -> SecurityHeaders:
        """The headers of responses."""
        return self._parts.headers

    @cached_property
    def json_headers(self) -> list[tuple[str, str]]:
        """All headers of an uncached JSON response, except type and length."""
        return self._parts.json_headers

    @cached_property
    def server_timing(self) -> bool:
        """True if the Server-Timing header tells how long reading the session took."""
        return self._parts.server_timing

    @property
    def is_built(self) -> bool:
        """True if the settings were needed, and valid."""
        return "_parts" in self.__dict__

    @property
    def schema(self) -> Schema | None:
        """The tables. None if there are none, or if the core was given."""
        return self._parts.schema

    def is_static(self, endpoint: str | None) -> bool:
        """Return True for a static file of the application or of a blueprint that needs no session.

        It is the same for every user, and caches may keep it. So without `strict` it gets no cookie of ours, even if a
        `before_request` function of the application asked for the session.
        """
        return endpoint is not None and f".{endpoint}".endswith(".static") and endpoint not in self.needing_session

    def is_own(self, endpoint: str | None) -> bool:
        """Return True for an endpoint of the package."""
        return endpoint is not None and endpoint.partition(".")[0] in self.own_blueprints

    @cached_property
    def _parts(self) -> AppParts:
        with self._lock:
            # Another thread may have built them while this one waited.
            built: AppParts | None = self.__dict__.get("_parts")
            try:
                return built or self._build()
            except ConfigurationError as error:
                raise InvalidSettings(str(error)) from error


@dataclass(slots=True)
class RequestState:
    """The state of one request."""

    app: AppState
    cookies: RequestCookies
    result: SessionResult | None = None
    """The session. None until `auth()` was called."""
    own_user: Any = None
    """The application's own user of the session. None until `current_user` was used."""
    csrf_pair: CSRFPair | None = None
    """The CSRF token for the forms of this response. None until a form needs it."""
    set_cookies: list[Cookie] = field(default_factory=list)
    request_id: str = ""
    final_response: Response | None = None
    """The response that has all its headers already."""
    has_menu_assets: bool = False
    """True if the page has the style sheet and the script of the user menu."""
    read_seconds: float | None = None
    """Seconds that reading the session took. Only measured in development."""


def script_root() -> str:
    """Return the prefix of the request. Empty if it is no path.

    A proxy that passes on `X-Forwarded-Prefix` lets a client choose it, and `//example.com` would be another host.
    """
    root = request.script_root
    return root if not root or is_path(root) else ""


def request_origin() -> str | None:
    """Return the origin of the request by its Host header. None if it has none that the application trusts."""
    try:
        return origin_of(request.host_url)
    except SecurityError:
        # TRUSTED_HOSTS. The error page of the application may show the user menu.
        return None


def is_sent_by_own_site(request: Request, core: Core) -> bool:
    """Return True unless another site caused this request, which changes something.

    `Origin` decides if it is ours, else `Sec-Fetch-Site` if it is present, else `Origin` and the host of the request.
    """
    if request.method in SAFE_METHODS:
        return True
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None and origin_of(origin) in core.origins:
        return True
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or origin_of(origin) == (request_origin() or "")


def is_error_page() -> bool:
    """Return True while an exception is handled, as by the application's error pages.

    Such a page is rendered without our session and menu if the settings are invalid. Another exception would replace it.
    """
    return sys.exc_info()[0] is not None


def get_state(app: App) -> AppState:
    """Return the state of this application. Raises KeyError if it has no Genkan."""
    state: AppState = app.extensions[EXTENSION]
    return state
