"""Names of exported files from templates such as "{name}-{date}-{seq:3}"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.library.frames import clock

TOKENS: Final = {
    "name": "the photo's name",
    "seq": "number in the export, {seq:4} with zeros",
    "date": "day of capture, 2026-05-01",
    "time": "time of capture, 103000",
    "year": "year of capture",
    "folder": "the photo's folder",
    "stars": "number of stars",
    "recipe": "the recipe's name",
}
_TOKEN: Final = re.compile(r"\{([^{}:]*)(?::(\d{1,2}))?\}")
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_RESERVED: Final = frozenset({"con", "prn", "aux", "nul", *(f"{n}{i}" for n in ("com", "lpt") for i in range(1, 10))})


@dataclass(frozen=True)
class Subject:
    """What a name can tell of a photo. captured: "YYYY:MM:DD hh:mm:ss" or empty for the file's time."""

    path: Path
    captured: str = ""
    stars: int = 0


def check_template(template: str) -> None:
    """Raises: ValueError, in words, if a token is unknown or nothing of the photo is in the name."""
    for match in _TOKEN.finditer(template):
        if match[1] not in TOKENS:
            known = ", ".join(f"{{{name}}}" for name in TOKENS)
            raise ValueError(f"there is no {{{match[1]}}}; known are {known}")
    rest = _TOKEN.sub("", template)
    if "{" in rest or "}" in rest:
        raise ValueError("a bracket is open")
    if not template.strip():
        raise ValueError("the name is empty")


def stem(template: str, subject: Subject, sequence: int, recipe: str) -> str:
    """A file's name without suffix, fit for every file system. sequence: from 1."""
    captured = subject.captured or _file_time(subject.path)
    day, _, hour = captured.partition(" ")
    values = {
        "name": subject.path.stem,
        "date": day.replace(":", "-"),
        "time": hour.replace(":", ""),
        "year": day[:4],
        "folder": subject.path.parent.name,
        "stars": str(subject.stars),
        "recipe": recipe,
    }

    def fill(match: re.Match[str]) -> str:
        return str(sequence).zfill(int(match[2] or 1)) if match[1] == "seq" else values[match[1]]

    text = _FORBIDDEN.sub("_", _TOKEN.sub(fill, template)).strip().rstrip(". ")
    return f"_{text}" if text.casefold() in _RESERVED or not text else text


def _file_time(path: Path) -> str:
    try:
        return clock(path.stat().st_mtime_ns)
    except OSError:
        return clock(0)
