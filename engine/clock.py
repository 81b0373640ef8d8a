"""The present, as sidecars and journals state it."""

from __future__ import annotations

import datetime


def now() -> str:
    """ISO 8601, UTC, to the microsecond: later times are greater texts."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
