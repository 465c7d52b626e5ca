"""Readers, books and reservations."""

from __future__ import annotations

from uuid import UUID, uuid4

from flask_login import UserMixin
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from catalog import cache, db, login


class User(UserMixin, db.Model):
    """A reader."""

    __tablename__ = "readers"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str | None] = mapped_column(String(80))
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    email_confirmed: Mapped[bool] = mapped_column(default=False)
    password: Mapped[str | None] = mapped_column(String(200))
    reservations: Mapped[list[Reservation]] = relationship(back_populates="reader", cascade="all, delete-orphan")

    def set_password(self, password: str) -> None:
        """Store the hash of the password."""
        self.password = generate_password_hash(password, "pbkdf2:sha256:1000")

    @classmethod
    def by_password(cls, email: str, password: str) -> User | None:
        """Return the reader with address and password."""
        user = db.session.scalar(db.select(cls).filter_by(email=email))
        return user if user and user.password and check_password_hash(user.password, password) else None

    @classmethod
    def by_confirmed_email(cls, email: str) -> User | None:
        """Return the reader who has confirmed this address."""
        return db.session.scalar(db.select(cls).filter_by(email=email, email_confirmed=True))


class Book(db.Model):
    """A book."""

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    reservation: Mapped[Reservation | None] = relationship(back_populates="book")


class Reservation(db.Model):
    """A book that a reader has reserved."""

    book_id: Mapped[int] = mapped_column(ForeignKey(Book.id), primary_key=True)
    reader_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), index=True)
    book: Mapped[Book] = relationship(back_populates="reservation")
    reader: Mapped[User] = relationship(back_populates="reservations")


@login.user_loader
def load_user(id: str) -> User | None:
    """Load the reader of the session cookie."""
    return db.session.get(User, UUID(id))


@cache.memoize(60)
def count_books() -> int:
    """Return the number of books, which is up to a minute old."""
    return db.session.scalar(db.select(db.func.count(Book.id))) or 0
