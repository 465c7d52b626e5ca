"""Sign-in by providers, for users of the class `User`."""

from genkan import Genkan

from recipes.extensions import db
from recipes.models import User

accounts = Genkan(db=db, user=User)


@accounts.new_user
def new_user(identity):
    if identity.email is None:
        return None
    return User(name=identity.name or identity.email, email=identity.email, email_confirmed=True)


@accounts.existing_user()
def existing_user(identity):
    return db.session.scalar(db.select(User).filter_by(email=identity.email, email_confirmed=True))
