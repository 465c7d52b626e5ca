"""The mails that an application of a test has sent."""

from __future__ import annotations

import re

from flask import Flask

from genkan.email.message import Mail


def mails(app: Flask) -> list[Mail]:
    """Return the mails in the mailbox, the latest first."""
    mailbox = app.extensions["genkan"].core.email.mailbox
    return [received.mail for received in mailbox.list()]


def link(mail: Mail) -> str:
    """Return the first link of the mail."""
    return str(re.findall(r"https?://\S+", mail.text)[0])


def code(mail: Mail) -> str:
    """Return the code of the mail."""
    return str(re.findall(r"\b[0-9]{6}\b", mail.text.replace(link(mail), ""))[0])
