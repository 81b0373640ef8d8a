"""The present, as everything that is kept states it."""

from __future__ import annotations

import datetime


def now(to: str = "microseconds") -> str:
    """ISO 8601, UTC: later times are greater texts. to: "seconds" where the order is kept otherwise."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec=to)
