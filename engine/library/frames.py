"""One photo of a folder, with what is known of it without decoding it. Light: the window imports this when it opens."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.library.xmp import Cull

NONE: Final = Cull()


@dataclass(frozen=True)
class Frame:
    """One photo of a folder. size, mtime: of its file, in bytes and nanoseconds. captured: "YYYY:MM:DD hh:mm:ss" or
    empty. edited: it has a sidecar of edits, of `faces` faces. problem: one sentence on a sidecar that is damaged.
    known: details were read. missing: the file has gone."""

    path: Path
    size: int = 0
    mtime: int = 0
    cull: Cull = NONE
    captured: str = ""
    edited: bool = False
    faces: int | None = None
    problem: str = ""
    known: bool = False
    missing: bool = False

    @property
    def stamp(self) -> tuple[int, int]:
        """Changes whenever the file does."""
        return self.size, self.mtime


def by_name(frame: Frame) -> tuple[str, str]:
    """Sort key: names without regard to case, numbers inside them by value."""
    return natural(frame.path.name), frame.path.name


def now() -> int:
    """The present, as files' times are given: nanoseconds."""
    return time.time_ns()


def clock(mtime: int) -> str:
    """A file's time as cameras write theirs, in local time."""
    return time.strftime("%Y:%m:%d %H:%M:%S", time.localtime(mtime / 1e9))


def natural(name: str) -> str:
    """A name whose digits are padded, so that IMG_9 comes before IMG_10."""
    out, digits = [], ""
    for letter in name.casefold() + "\0":
        if letter.isdigit():
            digits += letter
            continue
        out.append(digits.zfill(12) if digits else "")
        digits = ""
        out.append(letter)
    return "".join(out[:-1])
