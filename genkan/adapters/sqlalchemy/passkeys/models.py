"""Tables of passkeys: Auth.js's columns first, then ours."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, MetaData, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column

from genkan.adapters.sqlalchemy.models import Base, StringId

HANDLES = "genkan_passkey_handles"


class Authenticator(Base):
    """Passkey. See `genkan.adapters.passkeys.Passkey`."""

    __tablename__ = "authenticators"

    credential_id: Mapped[str] = mapped_column("credentialID", primary_key=True)
    user_id: Mapped[str] = mapped_column(
        "userId", StringId, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    provider_account_id: Mapped[str] = mapped_column("providerAccountId")
    public_key: Mapped[str] = mapped_column("credentialPublicKey")
    counter: Mapped[int]
    device_type: Mapped[str] = mapped_column("credentialDeviceType")
    backed_up: Mapped[bool] = mapped_column("credentialBackedUp")
    transports: Mapped[str | None]
    """Separated by commas."""
    handle: Mapped[str | None]
    name: Mapped[str | None]
    aaguid: Mapped[str | None]
    created_at: Mapped[int | None]
    last_used_at: Mapped[int | None]

    __table_args__ = (
        Index("uq_authenticators_credentialID", "credentialID", unique=True),
        Index("ix_authenticators_userId", "userId"),
    )


class PasskeyHandle(Base):
    """User handle: the random id of a user that passkeys contain."""

    __tablename__ = HANDLES

    user_id: Mapped[str] = mapped_column(StringId, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    handle: Mapped[str]


def create_passkey_tables(metadata: MetaData, id_length: int) -> tuple[Table, Table]:
    """Add tables with Genkan's own names to `metadata`, and return those of passkeys and of user handles."""

    def user_id(name: str) -> Column[str]:
        return Column(name, String(id_length), ForeignKey("genkan_users.id", ondelete="CASCADE"), primary_key=True)

    authenticators = Table(
        "genkan_authenticators",
        metadata,
        Column("credentialID", Text, primary_key=True),
        user_id("userId"),
        *(Column(name, Text, nullable=False) for name in ("providerAccountId", "credentialPublicKey")),
        Column("counter", BigInteger, nullable=False),
        Column("credentialDeviceType", Text, nullable=False),
        Column("credentialBackedUp", Boolean, nullable=False),
        *(Column(name, Text) for name in ("transports", "handle", "name", "aaguid")),
        *(Column(name, BigInteger) for name in ("created_at", "last_used_at")),
        Index("uq_genkan_authenticators_credentialID", "credentialID", unique=True),
        Index("ix_genkan_authenticators_userId", "userId"),
    )
    handles = Table(HANDLES, metadata, user_id("user_id"), Column("handle", Text, nullable=False))
    return authenticators, handles
