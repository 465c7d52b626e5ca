"""The tables of second factors, which have the same names with both namings."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text

UserId = Callable[[bool], Column[str]]
"""Returns a column `user_id` with its foreign key. The argument says if it is the primary key."""


def second_factor_tables(metadata: MetaData, user_id: UserId) -> tuple[Table, Table, Table, Table]:
    """Add the tables to `metadata` and return them: secrets, recovery codes, trusted devices and waiting sign-ins."""
    totp = Table(
        "genkan_totp",
        metadata,
        user_id(True),
        Column("secret", Text),
        Column("last_step", BigInteger, nullable=False),
        *(Column(name, Text) for name in ("pending_secret", "pending_owner")),
        *(Column(name, BigInteger) for name in ("pending_expires", "created_at")),
    )
    codes = Table(
        "genkan_recovery_codes",
        metadata,
        Column("code_hash", Text, primary_key=True),
        user_id(False),
        *(Column(name, BigInteger) for name in ("used_at", "created_at")),
        Index("ix_genkan_recovery_codes_user_id", "user_id"),
    )
    devices = Table(
        "genkan_trusted_devices",
        metadata,
        Column("id", Text, primary_key=True),
        user_id(False),
        *(Column(name, Text, nullable=False) for name in ("token_hash", "device")),
        *(Column(name, BigInteger, nullable=False) for name in ("created", "last_used", "expires")),
        Index("uq_genkan_trusted_devices_token_hash", "token_hash", unique=True),
        *(Index(f"ix_genkan_trusted_devices_{name}", name) for name in ("user_id", "expires")),
    )
    pending = Table(
        "genkan_pending_sign_ins",
        metadata,
        Column("id_hash", Text, primary_key=True),
        user_id(False),
        Column("data", Text, nullable=False),
        *(Column(name, BigInteger, nullable=False) for name in ("attempts", "created", "expires")),
        *(Index(f"ix_genkan_pending_sign_ins_{name}", name) for name in ("user_id", "expires")),
    )
    return totp, codes, devices, pending
