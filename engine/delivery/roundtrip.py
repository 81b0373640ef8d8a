"""Writing a retouch back into a copy that another program handed over (Lightroom, Capture One, darktable).

Such a copy is the only photo that Porelight ever writes over: in its own format, depth, profile and metadata, whole or
not at all, and only if nobody has changed it meanwhile.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from engine import sidecar
from engine.errors import ExportError
from engine.imageio.write import write_photo
from engine.journal import journal_file
from engine.outputs import SUFFIXES
from engine.session import RetouchSession
from engine.types import Pixels

QUALITY = 97
Stamp = tuple[int, int]


def stamp(path: Path) -> Stamp:
    """(size, mtime) of a handed file. Raises: ExportError if it is gone."""
    try:
        status = path.stat()
    except OSError as error:
        raise ExportError(f"{path.name} is gone: {error.strerror}.", "Hand it over again.") from error
    return status.st_size, status.st_mtime_ns


def check(session: RetouchSession) -> None:
    """Raises: ExportError if the handed file is of a kind that cannot be written."""
    photo = session.photo
    if photo.format not in SUFFIXES:
        raise ExportError(
            f"{photo.path.name} is a {photo.format.upper()} file, which cannot be written.",
            "Set the other program to hand over TIFF.",
        )


def write_back(session: RetouchSession, opened: Stamp, pixels: Pixels | None = None) -> tuple[str, ...]:
    """Put the retouched pixels into the handed file; its sidecar and history go, being in the pixels now.

    opened: the file's stamp when it was read. Returns: notes. Raises: ExportError.
    """
    check(session)
    photo = session.photo
    if stamp(photo.path) != opened:
        raise ExportError(
            f"{photo.path.name} was changed by another program since it was opened.",
            "Close it without saving and hand it over again.",
        )
    result = replace(photo, pixels=session.render() if pixels is None else pixels)
    notes = write_photo(
        result, photo.path, format=photo.format, depth=photo.depth, quality=QUALITY, overwrite=True, in_place=True
    )
    kept = (sidecar.beside(photo.path), sidecar.in_user_folder(photo.path), journal_file(photo.path, photo.size))
    for each in kept:
        with suppress(OSError):
            each.unlink()
    return notes
