"""The adapter, the session store and the tables of one application, in one database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import MetaData

from genkan.adapters import Schema
from genkan.adapters.addresses import AddressStores
from genkan.adapters.sqlalchemy.adapter import SQLAlchemyAdapter
from genkan.adapters.sqlalchemy.addresses.addresses import SQLAlchemyAddressStore
from genkan.adapters.sqlalchemy.addresses.limits import SQLAlchemyLimitStore
from genkan.adapters.sqlalchemy.addresses.outbox import SQLAlchemyOutbox
from genkan.adapters.sqlalchemy.addresses.verifications import SQLAlchemyVerificationStore
from genkan.adapters.sqlalchemy.application.own_users import SQLAlchemyOwnUsers
from genkan.adapters.sqlalchemy.database import Database
from genkan.adapters.sqlalchemy.passkeys.store import SQLAlchemyPasskeyStore
from genkan.adapters.sqlalchemy.purge import Purger
from genkan.adapters.sqlalchemy.revocations import Revocations
from genkan.adapters.sqlalchemy.second_factors.store import SQLAlchemySecondFactorStore
from genkan.adapters.sqlalchemy.session_store import SQLAlchemySessionStore
from genkan.adapters.sqlalchemy.tables import AUTHJS_TABLES, Naming, Tables, create_tables
from genkan.adapters.stores import Stores
from genkan.crypto.sealer import Clock, TextSealer
from genkan.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Settings of the stores. Times are in seconds."""

    secrets: Sequence[str]
    """Encrypt the providers' tokens. The first encrypts, all of them decrypt."""
    lifetime: int
    """Maximum lifetime of a session."""
    max_sessions: int
    """Active sessions of one user."""
    clock: Clock | None = None
    """Takes the place of the database's clock."""


def open_own_stores(url: str, naming: Naming, settings: StoreSettings) -> Stores:
    """Return the stores in a database of Genkan's own. Raises ConfigurationError for a URL that cannot name one."""
    tables = AUTHJS_TABLES if naming == "authjs" else create_tables(MetaData())
    return open_stores(Database(url, clock=settings.clock), tables, OwnSchema(url, naming), settings)


class OwnSchema:
    """Tables that only Genkan's migrations change."""

    def __init__(self, url: str, naming: Naming) -> None:
        self._url, self._naming = url, naming

    def upgrade(self) -> None:
        """Create the tables, or migrate them to this release."""
        # Imported here, because Alembic takes twelve MiB of memory.
        from genkan.adapters.sqlalchemy import migrations  # noqa: PLC0415

        migrations.upgrade(self._url, self._naming)

    def problem(self) -> str | None:
        """Return what is wrong with the tables. None if they are those of this release."""
        from genkan.adapters.sqlalchemy import migrations  # noqa: PLC0415 (as above)

        try:
            migrations.require_current(self._url, self._naming)
        except ConfigurationError as error:
            return str(error)
        return None


def open_stores(
    database: Database,
    tables: Tables,
    schema: Schema,
    settings: StoreSettings,
    own_users: SQLAlchemyOwnUsers | None = None,
) -> Stores:
    """Return the stores in these tables of a database."""
    revocations = Revocations(database, tables, lifetime=settings.lifetime)
    account_sealer = TextSealer(settings.secrets, "genkan.account-tokens")
    session_sealer = TextSealer(settings.secrets, "genkan.session-records")
    adapter = SQLAlchemyAdapter(
        database,
        tables,
        seal=account_sealer.seal,
        open=account_sealer.open,
        revocations=revocations,
        own_users=own_users,
    )
    sessions = SQLAlchemySessionStore(
        database,
        tables,
        revocations=revocations,
        max_sessions=settings.max_sessions,
        seal=session_sealer.seal,
        open=session_sealer.open,
        own_users=own_users,
    )
    local = _address_stores(database, tables, adapter, own_users)
    passkeys = SQLAlchemyPasskeyStore(database, tables, adapter.stored)
    factors = SQLAlchemySecondFactorStore(database, tables, adapter.stored)
    return Stores(adapter, sessions, schema, own_users, local, passkeys, factors)


def _address_stores(
    database: Database, tables: Tables, adapter: SQLAlchemyAdapter, own_users: SQLAlchemyOwnUsers | None
) -> AddressStores:
    verifications = adapter.stored.verifications
    details, outbox, limits = tables.verifications.c, tables.outbox.c, tables.limits.c
    purger = Purger(
        database,
        tables.purges,
        "addresses",
        {
            tables.verification_tokens: verifications.has_expired_by,
            tables.verifications: lambda now: details.expires <= now,
            tables.outbox: lambda now: outbox.expires <= now,
            tables.limits: lambda now: limits.expires <= now,
        },
    )
    return AddressStores(
        SQLAlchemyVerificationStore(database, tables, verifications, purger),
        SQLAlchemyOutbox(database, tables, verifications),
        SQLAlchemyLimitStore(database, tables.limits, purger),
        SQLAlchemyAddressStore(database, adapter.stored, adapter, own_users),
    )
