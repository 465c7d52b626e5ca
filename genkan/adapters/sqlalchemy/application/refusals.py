"""Refusals of the application: by its code, by its table, and of a user who is not active."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError, InvalidRequestError, StatementError

from genkan.adapters.sqlalchemy.database import adapter_errors
from genkan.errors import AccessDenied, AdapterError, AuthError


class RowRefused(AccessDenied):
    """Refusal of a row by the application's own table."""


def is_active(own_user: Any) -> bool:
    """Return False if the application says that its user may not sign in. A value of None says nothing."""
    is_active = getattr(own_user, "is_active", None)
    is_active = is_active() if callable(is_active) else is_active
    return is_active is None or bool(is_active)


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """Raise AccessDenied if code or a table of the application fails in the block, and AdapterError if the database does.

    `name` says what the block does.
    """
    try:
        with adapter_errors():
            yield
    except AuthError:
        raise
    except AdapterError as error:
        cause = error.__cause__
        is_refusal = (
            isinstance(cause, (IntegrityError, DataError, InvalidRequestError)) or type(cause) is StatementError
        )
        if not is_refusal:
            raise
        raise RowRefused(f"{name}: the table refused the row ({type(cause).__name__})") from error
    except Exception as error:
        raise AccessDenied(f"{name}: {type(error).__name__}") from error
