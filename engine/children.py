"""Processes that are started beside the window: the engine, and trainings."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

SESSION = Path("/proc/self/autogroup")


def give_way(by: int) -> None:
    """Let others compute first, from now on. by: levels of niceness; nothing where a system has none."""
    if not hasattr(os, "nice"):
        return
    os.nice(by)
    # Linux shares the processor among sessions before it looks at niceness, so a session of one's own gives way whole.
    if SESSION.exists() and os.getsid(0) == os.getpid():
        with suppress(OSError):
            SESSION.write_text(str(by))


def environment() -> dict[str, str]:
    """Of a child that imports the same code as this process."""
    root = str(Path(__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
