"""Forms."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, PasswordField, StringField, SubmitField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, EqualTo, Length, Regexp

from journal.extensions import db
from journal.models import User


class LoginForm(FlaskForm):
    """Name and password."""

    name = StringField("Name", validators=[DataRequired()])
    password = PasswordField("Password", validators=[DataRequired()])
    remember = BooleanField("Remember me")
    submit = SubmitField("Log in")


class RegistrationForm(FlaskForm):
    """A new writer."""

    name = StringField("Name", validators=[DataRequired(), Length(max=64)])
    email = StringField("E-mail", validators=[DataRequired(), Regexp(r"[^@\s]+@[^@\s]+$", message="Not an address.")])
    password = PasswordField("Password", validators=[DataRequired()])
    repeated = PasswordField("Password again", validators=[DataRequired(), EqualTo("password")])
    submit = SubmitField("Register")

    def validate_name(self, field: Field) -> None:
        """Refuse a name that is taken."""
        if db.session.scalar(db.select(User).filter_by(name=field.data)):
            raise ValidationError("This name is taken.")

    def validate_email(self, field: Field) -> None:
        """Refuse an address that is taken."""
        if db.session.scalar(db.select(User).filter_by(email=field.data)):
            raise ValidationError("This address is taken.")


class ProfileForm(FlaskForm):
    """Text about the writer."""

    about = TextAreaField("About me", validators=[Length(max=200)])
    submit = SubmitField("Save")


class PostForm(FlaskForm):
    """A new post."""

    text = TextAreaField("What happened today?", validators=[DataRequired(), Length(max=280)])
    submit = SubmitField("Publish")


class EmptyForm(FlaskForm):
    """A button with a CSRF token."""

    submit = SubmitField("Delete")
