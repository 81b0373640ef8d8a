"""One photo of a folder, with what is known of it without decoding it. Light: the window imports this when it opens."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from engine.library.xmp import Cull

NONE: Final = Cull()


@dataclass(frozen=True)
class Frame:
    """One photo of a folder. size, mtime: of its file, in bytes and nanoseconds. captured: "YYYY:MM:DD hh:mm:ss" or
    empty. edits: when its sidecar of edits, of `faces` faces, was written, in nanoseconds; 0 without. problem: one
    sentence on a sidecar that is damaged. known: details were read. missing: the file has gone."""

    path: Path
    size: int = 0
    mtime: int = 0
    cull: Cull = NONE
    captured: str = ""
    edits: int = 0
    faces: int | None = None
    problem: str = ""
    known: bool = False
    missing: bool = False

    @property
    def stamp(self) -> tuple[int, int]:
        """Changes whenever the file does."""
        return self.size, self.mtime

    @property
    def edited(self) -> bool:
        return self.edits > 0

    @property
    def picture(self) -> tuple[int, ...]:
        """Changes whenever its small picture does: with the file and, if there are any, with the edits."""
        return (*self.stamp, self.edits) if self.edited else self.stamp


def by_name(frame: Frame) -> tuple[str, str, str]:
    """Sort key: folder by folder, names without regard to case, numbers inside them by value."""
    folder, name = os.path.split(frame.path)
    return natural(folder), natural(name), name


def now() -> int:
    """The present, as files' times are given: nanoseconds."""
    return time.time_ns()


def clock(mtime: int) -> str:
    """A file's time as cameras write theirs, in local time."""
    return time.strftime("%Y:%m:%d %H:%M:%S", time.localtime(mtime / 1e9))


@lru_cache(1 << 14)
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
