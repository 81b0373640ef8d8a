"""After a crash: what is written while it happens, and the report that the person may save at the next start. No Qt.

Each running window holds a lock on its own file in `crashes/`. Python's tracebacks and, by faulthandler, those of the
process's death go there. A clean end removes it; one without an owner is what a crash left behind. A kill −9 leaves an
empty one: nothing to report.
"""

from __future__ import annotations

import faulthandler
import os
import platform
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from engine import paths
from engine.locks import FileLock

KEPT_LINES = 60
"""Lines of the log in a report."""
_FILE = re.compile(r'^(\s*)File "(.+)", line (\d+)(?:,)? in (.+)$')
_MESSAGE = re.compile(r"^((?:\w+\.)*\w*(?:Error|Exception|Interrupt|Exit|Warning|Cancelled)\w*)(?::.*)?$")
_PLAIN = (
    "Traceback (most recent call last):",
    "Fatal Python error:",
    "Current thread",
    "Thread 0x",
    "Extension modules",
)


def crash_folder() -> Path:
    return paths.user_folder() / "crashes"


@dataclass(frozen=True)
class Report:
    """What one run left behind. trace: as it was written, with names of files and all."""

    file: Path
    trace: str

    def text(self, *, names: bool) -> str:
        """The report as it would be saved. names: with names of files and folders and the last lines of the log."""
        parts = [_machine(), self.trace if names else without_names(self.trace)]
        if names:
            parts.append(_log())
        return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"

    def discard(self) -> None:
        with suppress(OSError):
            self.file.unlink()


class CrashGuard:
    """Writes down what goes wrong from `start` to `end`."""

    def __init__(self, happened: Callable[[str], None] = lambda trace: None) -> None:
        self._happened = happened
        self._file: IO[str] | None = None
        self._path = crash_folder() / f"running-{os.getpid()}-{time.time_ns()}.txt"
        self._lock = FileLock(self._path.with_suffix(".lock"))
        self._hooks = (sys.excepthook, threading.excepthook)

    def start(self) -> None:
        """From now on. A folder that cannot be written is no error: then nothing is kept."""
        try:
            self._lock.acquire()
            self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError:
            return
        faulthandler.enable(self._file)
        sys.excepthook, threading.excepthook = self._uncaught, self._uncaught_in_thread

    def note(self, trace: str) -> None:
        """Write something down at once."""
        if self._file is not None:
            with suppress(OSError, ValueError):
                self._file.write(trace.rstrip("\n") + "\n\n")
                self._file.flush()

    def end(self) -> None:
        """A clean end: nothing is left behind."""
        if self._file is not None:
            sys.excepthook, threading.excepthook = self._hooks
            faulthandler.disable()
            self._file.close()
            self._file = None
        self._lock.release()
        for file in (self._path, self._lock.path):
            with suppress(OSError):
                file.unlink()

    def _uncaught(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._hooks[0](kind, error or kind(), trace)
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        self.note(text)
        self._happened(text)

    def _uncaught_in_thread(self, arguments: threading.ExceptHookArgs) -> None:
        self._uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)


def left_behind() -> list[Report]:
    """Reports of runs that ended in a crash, oldest first; leftovers without a trace are removed."""
    found = []
    for lock_file in sorted(crash_folder().glob("running-*.lock")):
        lock, file = FileLock(lock_file), lock_file.with_suffix(".txt")
        with suppress(OSError):
            if not lock.acquire():
                continue  # still running
            trace = file.read_text("utf-8", errors="replace") if file.exists() else ""
            kept = crash_folder() / file.name.replace("running", "crash")
            if trace.strip():
                file.rename(kept)
            else:
                file.unlink(missing_ok=True)
            lock_file.unlink()
        lock.release()
    for file in sorted(crash_folder().glob("crash-*.txt")):
        with suppress(OSError):
            found.append(Report(file, file.read_text("utf-8", errors="replace")))
    return found


def without_names(trace: str) -> str:
    """A traceback with the program's own modules and nothing else that names a file: no messages, no other paths."""
    lines = []
    for line in trace.splitlines():
        if match := _FILE.match(line):
            indent, file, number, function = match.groups()
            lines.append(f'{indent}File "{_module(file)}", line {number}, in {function}')
        elif line.startswith(_PLAIN):
            lines.append(line)
        elif match := _MESSAGE.match(line):
            lines.append(match[1])
    return "\n".join(lines)


def _module(file: str) -> str:
    """A code file without where it is installed."""
    parts = re.split(r"[\\/]", file)
    for anchor in ("site-packages", f"python{sys.version_info.major}.{sys.version_info.minor}", "Lib"):
        if anchor in parts:
            return "/".join(parts[parts.index(anchor) + 1 :])
    for root in ("app", "engine", "trainer"):
        if root in parts:
            return "/".join(parts[len(parts) - 1 - parts[::-1].index(root) :])
    return "…"


def _machine() -> str:
    from engine.report import porelight_version

    qt = sys.modules.get("PySide6")
    return "\n".join(
        (
            f"Porelight {porelight_version()}",
            f"Python {platform.python_version()}, Qt {getattr(qt, '__version__', '–')}",
            f"{platform.platform()}, {os.cpu_count()} processors",
        )
    )


def _log() -> str:
    try:
        lines = paths.log_file().read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(["The last lines of the log:", *lines[-KEPT_LINES:]])
