"""The Flask extension."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from genkan.actions.users import delete, find_user_id, reload_sessions
from genkan.adapters import Schema
from genkan.application_settings import read_settings, trusted_proxy_hops
from genkan.build import application_database, build_core, create_cache, open_stores, warn_of_mistakes
from genkan.callbacks import CallbackRegistry, Callbacks, add_id_and_role, add_role
from genkan.cli.genkan_group import create_group
from genkan.core import Core
from genkan.dev_provider import mailbox_views
from genkan.dev_provider import views as dev_views
from genkan.errors import ConfigurationError
from genkan.http.urls import origin_of
from genkan.oauth.transport.limits import is_allowed_url
from genkan.options import Options
from genkan.settings.package import own_names
from genkan.web import account, views
from genkan.web.access import BlueprintMethods, make_check_access
from genkan.web.context import (
    auth,
    csrf_token,
    get_core,
    load_user,
    session_fingerprint,
)
from genkan.web.convert import without_ports
from genkan.web.headers import SecurityHeaders
from genkan.web.hooks.after_request import process_response
from genkan.web.menu import PAGE_CONTEXT, add_template_globals
from genkan.web.neighbours import debug_toolbar, flask_wtf
from genkan.web.pages.register import register_pages
from genkan.web.responses import NO_STORE_HEADERS, register_error_handlers
from genkan.web.state import EXTENSION, AppParts, AppState, Marks, get_state
from genkan.web.static_files import register_package_files
from genkan.web.urls.external import use_origin
from genkan.web.urls.loopback import redirect_to_origin
from genkan.web.urls.sign_in import sign_in_url

if TYPE_CHECKING:
    from genkan.adapters.sqlalchemy.application.database import ApplicationDatabase
    from genkan.dev_provider.endpoints import DevelopmentProvider
    from genkan.email.mailbox import Mailbox


class Genkan(CallbackRegistry, BlueprintMethods):
    """Sign-in for a Flask application: `auth()`, the routes of Auth.js, the user menu and the account page.

    `Genkan(app)` or `init_app(app)` adds it. Keywords are settings: `strict`, `providers`, `updatable_fields`, `pages`
    (False for JSON only), and every variable that begins with `AUTH_` or `GENKAN_`. What is not given comes from
    `app.config`, else from the environment. One object can serve several applications. Callbacks are registered before
    the first request.
    """

    def __init__(self, app: Flask | None = None, **settings: Any) -> None:
        super().__init__(Callbacks(jwt=add_role, session=add_id_and_role))
        self._settings = settings
        self._marks = Marks()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, **settings: Any) -> None:
        """Add sign-in to `app`: routes, commands, and what each request needs. Keywords as for `Genkan`.

        With `strict=True` every view that is not `@public` needs a session, every unsafe request needs a CSRF token, and
        every response gets security headers. Otherwise nothing of the application's own changes. Settings are checked at
        the first request, or by `check`. Raises ConfigurationError for an unknown keyword, if `app` has Genkan already,
        and with `strict` if LOGIN_DISABLED is set.
        """
        if EXTENSION in app.extensions:
            raise ConfigurationError(
                "Genkan: it has been added to this application already. Remove one of the two calls."
            )
        # A factory may register its callbacks each time that it creates an application.
        self.is_in_use = False
        options = Options.of({**self._settings, **settings}, app.config, os.environ)
        dev_providers: list[DevelopmentProvider] = []
        mailboxes: list[Mailbox] = []
        build = partial(self._build, app, options, application_database(options), dev_providers, mailboxes)
        hops, pages = trusted_proxy_hops(app, options), options.pages
        register(app, build, strict=options.strict, trusted_proxy_hops=hops, marks=self._marks)
        state = get_state(app)
        state.read_settings, state.json_only = partial(read_settings, app, options), options.json_only
        register_package_files(app, pages.static_path)
        app.register_blueprint(views.create_blueprint(json_only=options.json_only), url_prefix=pages.base_path)
        if options.json_only:
            app.register_blueprint(views.create_missing_pages(pages.account, pages.menu_path))
        else:
            register_pages(app, pages, strict=options.strict)
        app.cli.add_command(create_group())
        if options.strict:
            _add_globals(app)
        if options.environment is not None:
            check(app)
        if options.environment is None or dev_providers:
            # `environment` has been checked, and says by GENKAN_ENV whether this is development.
            any_server = options.environment is not None
            app.register_blueprint(dev_views.create_blueprint(dev_providers, options.dev_path, any_server=any_server))
            if not options.json_only:
                app.register_blueprint(
                    mailbox_views.create_blueprint(mailboxes, options.mailbox_path, any_server=any_server)
                )
        # Now, and at the first request: Flask-WTF may be added before this or after it.
        flask_wtf.leave_out_own_forms(app)
        for leave_out in (flask_wtf.leave_out_own_forms, debug_toolbar.leave_out_own_pages):
            state.at_first_request.append(partial(leave_out, app))

    @property
    def current_user(self) -> Any:
        """The signed-in user: the application's own one, or a `CurrentUser`. None if no user is signed in."""
        return load_user()

    def refresh(self, user: Any) -> None:
        """Let the sessions of this user reload name, role and `is_active`. Every worker does so within a second.

        `user` is the application's own user or its primary key. An application without users of its own gives a `User` or
        an id. Call it after the change is committed. Raises AdapterError, and ConfigurationError without a database.
        """
        get_core().require_database("refresh()")
        user_id = find_user_id(user, get_core())
        if user_id is not None:
            reload_sessions(user_id, get_core())

    def forget(self, user: Any) -> None:
        """Delete what is stored about this user, and end the sessions. The application's own row stays.

        It is needed after a deletion that neither the ORM nor a foreign key of the database reports. `user` and errors as
        for `refresh`.
        """
        get_core().require_database("forget()")
        user_id = find_user_id(user, get_core())
        if user_id is not None:
            delete(user_id, get_core())
        # A foreign key may have ended the link. Then this is what ends the sessions.
        get_core().sessions.revocations.read_now()

    def _build(
        self,
        app: Flask,
        options: Options,
        host: ApplicationDatabase | None,
        dev_providers: list[DevelopmentProvider],
        mailboxes: list[Mailbox],
    ) -> AppParts:
        self.is_in_use = True
        if app.testing and options.clock is None:
            options = replace(options, clock=get_state(app).test_clock)
        settings = read_settings(app, options)
        warn_of_mistakes(app, options)
        cache = create_cache(app, settings, options)
        with own_names() if host is None and options.environment is None else nullcontext():
            stores = open_stores(app, settings, options, host, self.user_hooks, cache)
        callbacks = self.callbacks if stores.own_users else replace(self.callbacks, role=self.user_hooks.role)
        core, dev_provider = build_core(app, settings, callbacks, options, stores, cache)
        if dev_provider is not None:
            dev_providers.append(dev_provider)
        if core.email is not None and core.email.mailbox is not None:
            mailboxes.append(core.email.mailbox)
        if options.environment is None and host is None and not settings.production and stores.schema is not None:
            stores.schema.upgrade()
        return make_parts(core, development=not settings.production, schema=stores.schema, strict=options.strict)


def check(app: Flask) -> None:
    """Check the settings of `app` now instead of at the first request. Raises ConfigurationError that names the
    variable."""
    _ = get_state(app).core


def make_parts(core: Core, *, development: bool = False, schema: Schema | None = None, strict: bool = True) -> AppParts:
    """Return the parts of an application's state with this core."""
    headers = SecurityHeaders(
        # The header is about the whole host and all hosts below it, also if only a page of ours has it.
        hsts=core.secure and strict,
        picture_origins=_loopback_issuers(core),
        providers=core.providers.values(),
        own_origin=core.origin,
        form_targets=_form_targets(core),
    )
    return AppParts(core, headers, headers.json_headers(*NO_STORE_HEADERS.items()), development, schema)


def install(app: Flask, core: Core, *, development: bool = False) -> None:
    """Add the checks and headers of `strict`, and `auth()`, to `app` with this core. Raises ConfigurationError."""
    register(app, lambda: make_parts(core, development=development), strict=True)
    check(app)


def register(
    app: Flask,
    build: Callable[[], AppParts],
    *,
    strict: bool,
    trusted_proxy_hops: int = 0,
    marks: Marks | None = None,
) -> None:
    """Add what each request of `app` needs. With `strict` also Flask-Login's `current_user`, and template globals.

    `trusted_proxy_hops` proxies may set the client's address and the scheme of a request. None may set the host, which
    is that of AUTH_URL. Raises ConfigurationError if LOGIN_DISABLED is set in a strict application.
    """
    state = AppState(build, strict=strict, marks=marks)
    state.template_context = PAGE_CONTEXT
    app.extensions[EXTENSION] = state
    if strict:
        if app.config.get("LOGIN_DISABLED"):
            raise ConfigurationError("LOGIN_DISABLED: it opens every protected view. Remove it from the configuration.")
        for function in (auth, csrf_token, sign_in_url, session_fingerprint):
            app.jinja_env.globals.setdefault(function.__name__, function)
        state.before_request.append(partial(redirect_to_origin, state))
        use_origin(app, state)
    state.at_first_request.append(partial(_add_globals, app))
    app.before_request(make_check_access(app))
    # Flask calls the first one last. So a function of the application may ask for the session, and none that makes every
    # response cacheable, without a look at it, does so to a private one.
    app.after_request_funcs.setdefault(None, []).insert(0, partial(process_response, state))
    register_error_handlers(app)
    if trusted_proxy_hops:
        inner, hops = without_ports(app.wsgi_app), trusted_proxy_hops
        proxy_fix = ProxyFix(inner, x_for=hops, x_proto=hops, x_host=0, x_prefix=0)
        app.wsgi_app = proxy_fix  # type: ignore[method-assign]  # as Flask documents it
    state.at_first_request.append(partial(_prepare_flask_login, app))
    if strict:
        _add_current_user(app)


def _add_current_user(app: Flask) -> None:
    try:
        # Imported here, because an application may do without Flask-Login, and without `current_user` then.
        from genkan.web import flask_login  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "flask_login":
            raise
    else:
        flask_login.init_app(app)


def _add_globals(app: Flask) -> None:
    # At the first request, because an application may still change `jinja_options` after `init_app`.
    app.jinja_env.filters["genkan_utc"] = account.utc
    add_template_globals(app, has_menu=not get_state(app).json_only)


def _prepare_flask_login(app: Flask) -> None:
    if hasattr(app, "login_manager") and "flask_login" in sys.modules:
        from genkan.web import flask_login  # noqa: PLC0415 (imported by the application already)

        flask_login.prepare(app)


def _form_targets(core: Core) -> list[str]:
    """Return the other origins that a sign-in or a sign-out may end at."""
    return sorted({*core.origins, origin_of(core.error_url or "") or core.origin} - {core.origin})


def _loopback_issuers(core: Core) -> set[str]:
    issuers = {provider.issuer for provider in core.providers.values() if provider.issuer}
    local = {issuer for issuer in issuers if issuer.startswith("http:") and is_allowed_url(issuer)}
    return {origin for issuer in local if (origin := origin_of(issuer))} - {core.origin}
