"""Settings for mails and passwords."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from genkan import Genkan, check
from genkan.errors import ConfigurationError
from genkan.providers.registry import unknown_variables
from genkan.settings.email import MailFrom
from genkan.settings.environment import from_environment
from genkan.web.state import get_state
from tests.settings.test_settings import DEVELOPMENT, PRODUCTION, error_message, is_helpful

SENDER = {"AUTH_EMAIL_FROM": "Example <login@example.com>"}
SERVER = {"AUTH_EMAIL_SERVER": "smtps://mail.example.com"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtps://mail.example.com", ("mail.example.com", 465, "tls", None, None)),
        ("smtps://mail.example.com:2465/", ("mail.example.com", 2465, "tls", None, None)),
        ("smtp://mail.example.com", ("mail.example.com", 587, "starttls", None, None)),
        ("SMTP://Mail.Example.com:2525", ("mail.example.com", 2525, "starttls", None, None)),
        ("smtp://mail.example.com?starttls=on", ("mail.example.com", 587, "starttls", None, None)),
        ("smtp://mailpit:1025?starttls=off", ("mailpit", 1025, "none", None, None)),
        ("smtp://localhost", ("localhost", 25, "none", None, None)),
        ("smtp://[::1]:1025", ("::1", 1025, "none", None, None)),
        ("smtp://127.0.0.1:587?starttls=on", ("127.0.0.1", 587, "starttls", None, None)),
        ("smtp://a:b@127.0.0.1", ("127.0.0.1", 25, "none", "a", "b")),
        (
            "smtps://login%40example.com:p%3Aa%2Fs%20s%25@mail.example.com",
            ("mail.example.com", 465, "tls", "login@example.com", "p:a/s s%"),
        ),
    ],
)
def test_the_url_of_a_mail_server(url: str, expected: tuple[str, int, str, str | None, str | None]) -> None:
    server = from_environment({**PRODUCTION, **SENDER, "AUTH_EMAIL_SERVER": url}).email_server
    assert server is not None
    assert (server.host, server.port, server.encryption, server.user, server.password) == expected
    assert "p:a/s s%" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp:mail.example.com",
            "smtps://mail example.com",
        ),
        *("smtp://mail.example.com:0", "smtp://mail.example.com:99999", "smtp://mail.example.com:smtp"),
        *(
            "smtp://mail.example.com/inbox",
            "smtp://mail.example.com#x",
            "smtp://mail.example.com\n",
            "smtp://b\u00fccher.example",
        ),
        *("smtps://login@example.com:hunter2hunter2@mail.example.com", "smtps://hunter2hunter2@mail.example.com"),
        *("smtps://:hunter2hunter2@mail.example.com", "smtps://login:hunter2hunter2%F6@mail.example.com"),
        *("smtps://login:hunter2hunter2%0D%0AQUIT@mail.example.com", "smtps://login:hunter2/hunter2@mail.example.com"),
        *("smtp://login:hunter2hunter2@mail.example.com?starttls=off", "smtp://mail.example.com:465"),
        *(
            "smtps://mail.example.com?starttls=off",
            "smtp://mail.example.com?tls=off",
            "smtp://mail.example.com?starttls=no",
        ),
        *("smtp://mail.example.com?starttls=off&starttls=on", "smtp://mail.example.com?starttls=off&x=y"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_showing_it(url: str) -> None:
    message = error_message({**PRODUCTION, **SENDER, "AUTH_EMAIL_SERVER": url})
    assert is_helpful(message, "AUTH_EMAIL_SERVER", url)
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("login@example.com", MailFrom("login@example.com")),
        ("Example <login@example.com>", MailFrom("login@example.com", "Example")),
        ('"Example, Inc." <login@example.com>', MailFrom("login@example.com", "Example, Inc.")),
        (" 玄関 <login@localhost> ", MailFrom("login@localhost", "玄関")),
    ],
)
def test_the_sender(text: str, expected: MailFrom) -> None:
    assert from_environment({**PRODUCTION, **SERVER, "AUTH_EMAIL_FROM": text}).email_from == expected


@pytest.mark.parametrize(
    "text",
    [
        *("login", "login@", "@a.test", "a@example.com, b@example.com", "a@example.com b@example.com"),
        *(
            "Example <login@example.com> <a@b.example>",
            "Example <a@example.com,b@example.com>",
            "Ex\r\nBcc: <a@b.example>",
        ),
        *("login@example.com\r\nBcc: eve@evil.example", "lögin@example.com", "Exa\nmple <login@example.com>", "<>"),
        f"{'x' * 101} <login@example.com>",
    ],
)
def test_a_sender_that_is_not_one_address_is_refused(text: str) -> None:
    assert is_helpful(error_message({**PRODUCTION, **SERVER, "AUTH_EMAIL_FROM": text}), "AUTH_EMAIL_FROM", text)


@pytest.mark.parametrize("environment", [PRODUCTION, DEVELOPMENT])
def test_one_of_server_and_sender_alone_stops_the_start_and_names_the_other(environment: dict[str, str]) -> None:
    assert error_message({**environment, **SENDER}) == (
        "AUTH_EMAIL_FROM: no mail can be sent, because AUTH_EMAIL_SERVER is not set. Set AUTH_EMAIL_SERVER as well."
    )
    assert error_message({**environment, **SERVER}).startswith(
        "AUTH_EMAIL_FROM: it is not set, but AUTH_EMAIL_SERVER is. "
    )


def test_a_function_that_delivers_mails_needs_neither() -> None:
    settings = from_environment({**PRODUCTION, **SENDER}, sends_mail=True)
    assert (settings.email_server, settings.email_from) == (None, MailFrom("login@example.com", "Example"))
    assert from_environment({**PRODUCTION, **SERVER}, sends_mail=True).email_from is None


def test_the_keyword_for_a_function_that_delivers_mails() -> None:
    def read(**keywords: object) -> object:
        app = Flask("shop")
        Genkan(app, **PRODUCTION, **keywords)
        settings = get_state(app).read_settings
        return settings and settings()

    assert read(send_mail=print, **SENDER)
    with pytest.raises(ConfigurationError, match="send_mail"):
        read(send_mail="print")
    with pytest.raises(ConfigurationError, match="AUTH_EMAIL_SERVER"):
        read(send_mail=None, **SENDER)


def start_error(**keywords: object) -> str:
    """Return why the start of an application of production stops."""
    app = Flask("shop")
    with pytest.raises(ConfigurationError) as caught:
        Genkan(app, **PRODUCTION, **keywords)
        check(app)
    return str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "needed"), [({"database": None}, "a database"), ({"pages": False}, "pages")], ids=["stateless", "json"]
)
@pytest.mark.parametrize(
    ("mail", "name"),
    [({"send_mail": print}, "Genkan(send_mail=…)"), ({**SERVER, **SENDER}, "AUTH_EMAIL_SERVER")],
    ids=["function", "server"],
)
def test_mail_needs_a_database_and_pages(
    keywords: dict[str, object], needed: str, mail: dict[str, object], name: str, empty_database: Path
) -> None:
    keywords = {"database": f"sqlite:///{empty_database}", **keywords}
    message = start_error(**keywords, **mail)
    assert message.startswith(f"{name}: ")
    assert needed in message
    assert "AUTH_PASSWORDS" in start_error(**keywords, AUTH_PASSWORDS="on")


def test_passwords_are_off_by_default_and_have_fifteen_characters() -> None:
    settings = from_environment(PRODUCTION)
    assert (settings.passwords, settings.password_min, settings.email_server, settings.email_from) == (
        False,
        15,
        None,
        None,
    )
    settings = from_environment({**PRODUCTION, "AUTH_PASSWORDS": "on", "AUTH_PASSWORD_MIN": "64"})
    assert (settings.passwords, settings.password_min) == (True, 64)


@pytest.mark.parametrize("number", ["8", "14", "0", "65", "-1", "many", "15.5", "\u0662\u0660"])
def test_a_shorter_password_needs_a_second_factor(number: str) -> None:
    message = error_message({**PRODUCTION, "AUTH_PASSWORD_MIN": number})
    assert is_helpful(message, "AUTH_PASSWORD_MIN", number)
    assert ("second factor" in message) is (number in {"8", "14", "0"})


@pytest.mark.parametrize("choice", ["1", "true", "ON"])
def test_passwords_are_on_or_off(choice: str) -> None:
    assert is_helpful(error_message({**PRODUCTION, "AUTH_PASSWORDS": choice}), "AUTH_PASSWORDS", choice)


def test_no_variable_of_mails_counts_as_one_of_a_provider() -> None:
    environment = {**PRODUCTION, **SERVER, **SENDER}
    assert from_environment(environment).provider_environment == {}
    assert from_environment(environment).warnings == ()
    assert unknown_variables(environment) == ()
