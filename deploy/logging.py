"""Logging of the reference application: each record of `genkan.*` is one line of JSON on standard error.

JSON escapes line breaks, so a value cannot forge a second line. Of the extra fields of a record, only those in FIELDS are
written, so that no token, code or cookie gets into the log.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from flask import has_request_context, request

from genkan.web.context import request_id

FIELDS = ("event", "provider", "code", "reason", "detail", "user", "session", "error", "signal", "operation")

NOISY_LOGGERS = ("authlib", "urllib3", "requests")
"""Loggers of libraries that log secrets at DEBUG, such as Authlib the code verifier."""


class JSONFormatter(logging.Formatter):
    """Formatter that writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return time (UTC), level, logger, message, FIELDS, and id and address of the current request."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({name: getattr(record, name) for name in FIELDS if getattr(record, name, None) is not None})
        if has_request_context():
            line.update(request=request_id(), address=request.remote_addr)
        return json.dumps(line, default=str)


def configure_logging() -> None:
    """Write the records of `genkan.*` to standard error, from INFO on. A second call changes nothing."""
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    logger = logging.getLogger("genkan")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler.formatter, JSONFormatter) for handler in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JSONFormatter())
        logger.addHandler(handler)
