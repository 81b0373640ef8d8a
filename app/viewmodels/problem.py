"""Errors as a person sees them: one sentence, what to do, and details to copy."""

from __future__ import annotations

import platform
import traceback
from dataclasses import dataclass

from app.language import later, said, tr
from engine.errors import EngineError

REASONS = (
    later("Permission denied"),
    later("No such file or directory"),
    later("No space left on device"),
    later("Read-only file system"),
    later("Not a directory"),
    later("Is a directory"),
    later("File exists"),
    later("File name too long"),
    later("Input/output error"),
    later("Disk quota exceeded"),
    later("it breaks off after row {0}"),
    later("row {0} is not what was written"),
    later("the file's structure is broken ({0})"),
)
"""What systems say of files, and what is wrong with a store of picks, in the engine's sentences."""


@dataclass(frozen=True)
class Problem:
    """action: what the button of the banner does ("open", "retouch", "export" or empty)."""

    message: str
    hint: str
    details: str
    action: str = ""

    @classmethod
    def of(cls, error: Exception, doing: str, action: str = "") -> Problem:
        """doing: what went wrong, as "Opening photo.jpg", for errors that were not foreseen."""
        lines = [f"{doing}: {type(error).__name__}", str(error)]
        if isinstance(error, EngineError):
            message, hint = said(error.message), said(error.hint)
            lines += [f"{key}: {value}" for key, value in error.context.items()]
        else:
            message = tr("{doing} went wrong in a way that was not foreseen.", doing=doing)
            hint = tr("Please copy the details and report them; your edits are safe.")
        lines += ["", *traceback.format_exception(error)]
        lines.append(f"Python {platform.python_version()}, {platform.platform()}")
        return cls(message, hint, "\n".join(line.rstrip("\n") for line in lines), action)
