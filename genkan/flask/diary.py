"""One line of JSON for everything that is worth knowing later: sign-ins, failures, sign-outs, refusals (L1-L3).

JSON, so that nothing in a name or an address can forge a second line; and only what is listed here, so that no
token, code or cookie can get in.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from flask import has_request_context, request

from genkan import events
from genkan.flask.visit import request_id
from genkan.identity import Account, Token, User

TOLD = ("event", "provider", "code", "reason", "why", "user", "session", "error", "verb")
"""The fields a line may have beside time, level, place, request id and client address."""

QUIET = ("authlib", "urllib3", "requests")
"""Libraries that tell secrets at DEBUG, such as Authlib the code verifier; they are heard from WARNING on."""

_log = logging.getLogger("genkan.diary")


class JSONLines(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Time in UTC, level, place and message, the fields of TOLD that the record has, and whose request it was."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "place": record.name,
            "message": record.getMessage(),
        }
        line.update({name: getattr(record, name) for name in TOLD if getattr(record, name, None) is not None})
        if has_request_context():
            line.update(request=request_id(), address=request.remote_addr)
        return json.dumps(line, default=str)


def keep() -> None:
    """Write the diary to standard error, from INFO on; once for the process, however many applications it has."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    ours = logging.getLogger("genkan")
    ours.setLevel(logging.INFO)
    if not any(isinstance(handler.formatter, JSONLines) for handler in ours.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JSONLines())
        ours.addHandler(handler)
    # Connected by name, so that a second application does not write every line twice.
    events.signed_in.connect(_signed_in)
    events.signed_out.connect(_signed_out)
    events.user_created.connect(_user_created)


def _signed_in(_sender: object, *, user: User, account: Account, **_news: object) -> None:
    _log.info("signed in", extra={"event": "signed-in", "user": user.id, "provider": account.provider})


def _signed_out(_sender: object, *, token: Token) -> None:
    _log.info("signed out", extra={"event": "signed-out", "user": token.get("sub")})


def _user_created(_sender: object, *, user: User) -> None:
    _log.info("user created", extra={"event": "user-created", "user": user.id})
