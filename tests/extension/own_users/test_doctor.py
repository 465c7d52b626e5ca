"""`flask genkan doctor` in an application with users of its own."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from tests.extension.own_users.conftest import MakeShop
from tests.extension.own_users.shops import Shop


def output_of(shop: Shop) -> str:
    """Return what the command prints."""
    return shop.app.test_cli_runner().invoke(args=["genkan", "doctor"]).output


def test_a_table_that_is_missing_is_named_with_the_remedy(shop: Shop) -> None:
    with shop.engine_context() as connection:
        connection.execute(text("DROP TABLE genkan_activity"))
    result = shop.app.test_cli_runner().invoke(args=["genkan", "doctor"])
    assert result.exit_code == 1
    assert "error: The database has no genkan_activity. Run the application's migrations" in result.output


def test_sqlite_without_foreign_keys_is_reported(shop: Shop, url: str) -> None:
    is_reported = "Foreign keys are off in SQLite" in output_of(shop)
    assert is_reported is url.startswith("sqlite")


def test_sqlite_with_foreign_keys_is_not(make: MakeShop, url: str) -> None:
    shop = make()
    with shop.app.app_context():
        if url.startswith("sqlite"):
            event.listen(shop.engine(), "connect", lambda dbapi, _: dbapi.execute("PRAGMA foreign_keys=ON"))
        shop.engine().dispose()
    assert "Foreign keys" not in output_of(shop)


@pytest.mark.parametrize("has_column", [True, False])
def test_a_class_that_has_no_column_for_a_verified_address_is_reported(make: MakeShop, has_column: bool) -> None:
    def existing_user(_identity: Any) -> None:
        return None

    shop = make(without=() if has_column else ["email_confirmed"])
    assert "existing_user" not in output_of(shop)
    shop = make(without=() if has_column else ["email_confirmed"])
    shop.accounts.existing_user()(existing_user)
    assert ("existing_user: User has no column" in output_of(shop)) is not has_column


def test_upgrade_names_the_application_s_own_command(shop: Shop) -> None:
    result = shop.app.test_cli_runner().invoke(args=["genkan", "upgrade"])
    assert result.exit_code == 1
    assert "flask db upgrade" in result.output
