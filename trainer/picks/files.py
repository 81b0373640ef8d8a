"""Files of picks: their checksums, and the sheet beside variations that says what renders each picture again."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from engine import paths
from engine.errors import ExportError, SidecarError
from engine.sidecar import Sidecar, parse
from trainer.picks.records import Candidate

SHEET: Final = "-variations.json"
SHEET_VERSION: Final = 1


def sha256_of(path: Path) -> str | None:
    """Checksum of a file, None if it cannot be read; remembered while size and time of change stay the same."""
    try:
        status = path.stat()
        return _digest(path, status.st_size, status.st_mtime_ns)
    except (OSError, ValueError):  # a path with a null character is a ValueError
        return None


@functools.lru_cache(maxsize=4096)
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sheet_of(folder: Path, stem: str) -> Path:
    """The sheet of the variations `STEM-v1` … in a folder."""
    return folder / f"{stem}{SHEET}"


def write_sheet(path: Path, photo: Path, pictures: Sequence[tuple[Path, Sidecar]]) -> None:
    """Write what renders each picture again beside them. Raises: ExportError.

    photo: the file before; kept as a path relative to the sheet where there is one. pictures: beside the sheet.
    """
    entries = [
        {"file": picture.name, "sha256": sha256_of(picture), "retouch": retouch.model_dump(mode="json")}
        for picture, retouch in pictures
    ]
    data = {"version": SHEET_VERSION, "photo": relative(photo, path.parent), "variations": entries}
    try:
        paths.write_atomic(path, json.dumps(data, indent=1, ensure_ascii=True).encode() + b"\n")
    except OSError as error:
        raise ExportError(
            f"The sheet {path.name} cannot be written: {error.strerror}.", "Choose another --out."
        ) from error


def from_sheet(picture: Path, photo: str) -> Candidate | None:
    """The candidate that a picture is, if a sheet beside it says so of this very file and of the photo with that
    SHA-256; else None. Raises: SidecarError for a damaged sheet or one of a newer version."""
    digest = sha256_of(picture)
    for path in sorted(picture.parent.glob(f"*{SHEET}")):
        for entry in _entries(path):
            if entry.get("file") != picture.name or entry.get("sha256") != digest:
                continue
            retouch = parse(entry.get("retouch"), path.name)
            if retouch.photo.sha256 == photo:
                face = max(retouch.faces, key=lambda each: each.box[2] - each.box[0]).id if retouch.faces else ""
                return Candidate(photo=photo, face=face, retouch=retouch, picture=digest)
    return None


def candidate_of(picture: Path, photo: str) -> Candidate:
    """A picture as a candidate, with what renders it again where a sheet says so. Raises: SidecarError."""
    return from_sheet(picture, photo) or Candidate(photo=photo, picture=sha256_of(picture))


def relative(path: Path, folder: Path) -> str:
    """A path as seen from a folder, with "/"; absolute where there is no way (another drive)."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        data = json.loads(path.read_bytes())
        version, entries = data["version"], data["variations"]
        if version > SHEET_VERSION:
            raise SidecarError(f"The sheet {path.name} was written by a newer Porelight.", "Update Porelight.")
        return [entry for entry in entries if isinstance(entry, dict)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SidecarError(f"The sheet {path.name} is damaged.", "Draw the variations again.") from error
