"""What happened to an account, written down for whoever it belongs to."""

from __future__ import annotations

import logging

from genkan.adapters.sessions import Activity
from genkan.core import Core
from genkan.errors import AdapterError

_log = logging.getLogger("genkan.story")


def record_activity(user_id: str, activity: Activity, options: Core) -> None:
    """Add this to that user's story. Never fails: it has happened, whether or not the story has a line on it."""
    try:
        options.session_store.add_activity(user_id, activity)
    except AdapterError:
        _log.warning("something that happened was not noted", extra={"event": "activity-lost", "user": user_id})
