"""The keywords of `Genkan`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from genkan.adapters import Adapter
from genkan.adapters.sessions import SessionStore
from genkan.core import Pages
from genkan.crypto.sealer import Clock
from genkan.dev_provider import PATH
from genkan.email.message import SendMail
from genkan.errors import ConfigurationError
from genkan.http.urls import is_path
from genkan.providers.base import Provider
from genkan.settings.package import OWN_NAMES, PREFIXES, collect

if TYPE_CHECKING:
    from genkan.adapters.sqlalchemy.tables import Naming

PATHS = {
    "GENKAN_ACCOUNT_PATH": "account",
    "GENKAN_BASE_PATH": "base_path",
    "GENKAN_MENU_PATH": "menu_path",
    "GENKAN_STATIC_PATH": "static_path",
}
"""Variables for paths, and the fields of `Pages`."""

DATABASE_KEYWORDS = ("db", "engine", "metadata", "session", "user")

EARLY = (*PATHS, "GENKAN_TRUSTED_PROXY_HOPS")
"""Variables that decide about routes and middleware, so they are read when Genkan is added."""

RESERVED_FIELDS = {"csrfToken", "callbackUrl", "purpose", "json", "redirect"}
"""Fields of the sign-in form that have a meaning already."""

INTERNAL = {"variables", "json_only", "early"}
"""Fields of `Options` that are no keywords of `Genkan`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The keywords of `Genkan`."""

    strict: bool = False
    providers: tuple[Provider, ...] = ()
    """Providers in addition to those that variables enable."""
    scope: Mapping[str, str] = field(default_factory=dict)
    """Scopes by provider id, in addition to the provider's own. The same as `AUTH_<ID>_SCOPE`."""
    updatable_fields: Mapping[str, type] = field(default_factory=dict)
    environment: Mapping[str, str] | None = None
    """All variables, checked at once, in place of the configuration and the environment."""
    clock: Clock | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    """The keywords that are variables."""
    pages: Pages = field(default_factory=Pages)
    database: str | None = ""
    """URL of the database. None: no database, the cookie holds everything. Empty: that of GENKAN_DATABASE_URL."""
    adapter: Adapter | None = None
    """Another store of users and accounts, in place of a database."""
    session_store: SessionStore | None = None
    """The store of sessions beside `adapter`. Without one, no session is recorded, and none can be revoked."""
    cache: object | None = None
    """The application's instance of Flask-Caching, in place of GENKAN_REDIS_URL."""
    send_mail: SendMail | None = None
    """Delivers a mail, in place of AUTH_EMAIL_SERVER."""
    credentials_fields: tuple[str, str] = ("email", "password")
    """Names of the two fields of a sign-in with a password: of the address or user name, and of the password."""
    json_only: bool = False
    """True for `pages=False`: JSON, and no page of ours."""
    early: Mapping[str, str | None] = field(default_factory=dict)
    """The values of the variables in EARLY when Genkan was added."""
    tables: Naming = "genkan"
    """`authjs`: the tables of an Auth.js database, which is created or adopted."""
    db: Any = None
    engine: Any = None
    metadata: Any = None
    session: Any = None
    user: Any = None
    """This and the four above: see `DatabaseOptions`."""

    @classmethod
    def of(cls, keywords: Mapping[str, object], config: Mapping[str, object], environ: Mapping[str, str]) -> Options:
        """Return the options. Raises ConfigurationError for a keyword that is none."""
        known = {name: value for name, value in keywords.items() if name in cls.__slots__ and name not in INTERNAL}
        variables = {name: value for name, value in keywords.items() if name.startswith(PREFIXES)}
        for name in keywords.keys() - known.keys() - variables.keys():
            raise ConfigurationError(f"Genkan({name}=…): there is no such setting. Remove it, or correct its name.")
        scope: Any = known.get("scope", {})
        variables |= {f"AUTH_{id.upper().replace('-', '_')}_SCOPE": value for id, value in scope.items()}
        database = known.get("database")
        if not isinstance(database, str | None):
            raise ConfigurationError("Genkan(database=…): it is neither a URL as text nor None. Correct it.")
        if database:
            variables["GENKAN_DATABASE_URL"] = database
        if not callable(known.get("send_mail") or print):
            raise ConfigurationError("Genkan(send_mail=…): it is not a function. Give one that takes a Mail.")
        _check_fields(known.get("credentials_fields", ("email", "password")))
        pages = known.get("pages", True)
        if isinstance(pages, bool):
            known["pages"] = Pages()
        elif not isinstance(pages, Pages):
            raise ConfigurationError("Genkan(pages=…): it is neither Pages nor a boolean. Give False for JSON only.")
        options = cls(variables=variables, json_only=pages is False, **known)  # type: ignore[arg-type]  # each value has the type of its field
        found = collect(variables, config, environ) if options.environment is None else options.environment
        return replace(options, pages=_with_paths(options.pages, found), early=_early(found))

    def late_variables(self, config: Mapping[str, object], environ: Mapping[str, str]) -> list[str]:
        """Return the variables in EARLY that have been set or changed since, without an effect."""
        now = _early(collect(self.variables, config, environ))
        return [] if self.environment is not None else [name for name in EARLY if now[name] != self.early[name]]

    @property
    def dev_path(self) -> str:
        """The path of the development provider. An application that is not strict may have a page at /development."""
        return PATH if self.strict else f"{self.pages.base_path}{PATH}"

    @property
    def mailbox_path(self) -> str:
        """The path of the mailbox of development. An application that is not strict may have a page at /mailbox."""
        return "/mailbox" if self.strict else f"{self.pages.account}/mailbox"


def _check_fields(fields: object) -> None:
    """Raise ConfigurationError unless these are two different names of form fields that nothing else uses."""
    pair = fields if isinstance(fields, tuple) else ()
    valid = {name for name in pair if isinstance(name, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name)}
    if len(pair) != 2 or len(valid - RESERVED_FIELDS) != 2:
        raise ConfigurationError(
            'Genkan(credentials_fields=…): it is not a pair of names. Give one such as ("username", "password").'
        )


def _early(variables: Mapping[str, str]) -> dict[str, str | None]:
    return {name: variables.get(OWN_NAMES.get(name, name)) or None for name in EARLY}


def _with_paths(pages: Pages, variables: Mapping[str, str]) -> Pages:
    """Return the pages with the paths of the variables. A path that `pages` sets itself is kept."""
    paths = {field: variables[name] for name, field in PATHS.items() if variables.get(name)}
    for name, field_name in PATHS.items():
        if field_name in paths and not is_path(paths[field_name]):
            raise ConfigurationError(f"{name}: it is not a path. Set it to one such as /auth, without a final slash.")
    default = Pages()
    return replace(
        pages, **{name: path for name, path in paths.items() if getattr(pages, name) == getattr(default, name)}
    )
