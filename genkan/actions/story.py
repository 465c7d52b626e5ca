"""What happened to an account, written down for whoever it belongs to."""

from __future__ import annotations

import logging

from genkan.errors import StoreError
from genkan.options import Options
from genkan.session_records import Activity

_log = logging.getLogger("genkan.story")


def note(user_id: str, activity: Activity, options: Options) -> None:
    """Add this to that user's story. Never fails: it has happened, whether or not the story has a line on it."""
    try:
        options.store.note(user_id, activity)
    except StoreError:
        _log.warning("something that happened was not noted", extra={"event": "activity-lost", "user": user_id})
