"""Forms."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, StringField
from wtforms.validators import DataRequired, Length, Regexp, ValidationError

from recipes.extensions import db
from recipes.models import User

IS_ADDRESS = Regexp(r"[^@\s]+@[^@\s]+$", message="This is not an address.")


class LoginForm(FlaskForm):
    email = EmailField("E-mail", [DataRequired()])
    password = PasswordField("Password", [DataRequired()])


class RegistrationForm(FlaskForm):
    name = StringField("Name", [DataRequired(), Length(max=80)])
    email = EmailField("E-mail", [DataRequired(), Length(max=254), IS_ADDRESS])
    password = PasswordField("Password", [DataRequired(), Length(min=12)])

    def validate_email(self, field):
        if db.session.scalar(db.select(User).filter_by(email=field.data)):
            raise ValidationError("This address has an account.")


class RecipeForm(FlaskForm):
    title = StringField("Title", [DataRequired(), Length(max=120)])


class EmptyForm(FlaskForm):
    """The CSRF token of a button."""
