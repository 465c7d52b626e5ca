"""Users and their posts."""

from __future__ import annotations

from datetime import UTC, datetime

from flask_login import UserMixin
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from journal.extensions import db, login

HASH = "pbkdf2:sha256:1000"


class User(UserMixin, db.Model):
    """A writer."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(120), unique=True)
    email_confirmed: Mapped[bool] = mapped_column(default=False)
    about: Mapped[str] = mapped_column(String(200), default="")
    password_hash: Mapped[str | None] = mapped_column(String(256))
    posts: Mapped[list[Post]] = relationship(back_populates="author", cascade="all, delete-orphan")

    def set_password(self, password: str) -> None:
        """Store the hash of the password."""
        self.password_hash = generate_password_hash(password, HASH)

    def check_password(self, password: str) -> bool:
        """Return True for the right password."""
        return self.password_hash is not None and check_password_hash(self.password_hash, password)

    def confirmation_token(self, secret_key: str) -> str:
        """Return the token of the link that confirms the address."""
        return URLSafeTimedSerializer(secret_key, "confirm").dumps([self.id, self.email])

    @staticmethod
    def of_confirmation_token(token: str, secret_key: str) -> User | None:
        """Return the user of a token that is at most a day old."""
        try:
            id, email = URLSafeTimedSerializer(secret_key, "confirm").loads(token, 86400)
        except BadSignature:
            return None
        return db.session.scalar(db.select(User).filter_by(id=id, email=email))


class Post(db.Model):
    """A post of a writer."""

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(280))
    written: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    author_id: Mapped[int] = mapped_column(ForeignKey(User.id), index=True)
    author: Mapped[User] = relationship(back_populates="posts")


@login.user_loader
def load_user(id: str) -> User | None:
    """Load the user of the session cookie."""
    return db.session.get(User, int(id))
