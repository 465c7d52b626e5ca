"""What one application knows of its house, and where to find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import current_app
from flask.sansio.app import App

from genkan.core import Core
from genkan.errors import NoRequestContext
from genkan.web.headers import SecurityHeaders

EXTENSION = "genkan"


@dataclass(slots=True)
class State:
    """Made once by `init_app`; what is said of endpoints and blueprints is complete at the first request."""

    core: Core
    headers: SecurityHeaders
    server_timing: bool
    """Tell in `Server-Timing` what reading the session cost: for development."""
    json_headers: list[tuple[str, str]]
    """All headers of a short JSON answer for one visitor, but its type and length."""
    public: set[str] = field(default_factory=set)
    """Endpoints that anybody may visit."""
    csrf_exempt: set[str] = field(default_factory=set)
    """Endpoints that look after CSRF themselves."""
    json_blueprints: set[str] = field(default_factory=set)
    """Blueprints whose refusals are JSON."""
    before_request: list[Callable[[], None]] = field(default_factory=list)
    """Called at the start of every request; cheaper than hooks of Flask's, each of which is looked at anew each time."""
    exempt_blueprints: set[str] = field(default_factory=set)
    """Blueprints that are another service, with its own guard."""


def state() -> State:
    """The current application's state; OutsideRequestError where `init_app` never ran."""
    try:
        found: State = current_app.extensions[EXTENSION]
    except KeyError:
        raise NoRequestContext(
            "auth() was asked in an application that has no Genkan. "
            "Call genkan.web.init_app(app, options) where the application is made, before its first request."
        ) from None
    return found


def get_state(app: App) -> State:
    """The same, of the application in hand."""
    found: State = app.extensions[EXTENSION]
    return found


def get_core() -> Core:
    """The current application's options, for its own look-ups."""
    return state().core
