"""Where things lie: shipped resources, the person's own folder, and files that are written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import platformdirs

HOME_VARIABLE = "PORELIGHT_HOME"
"""Environment variable that moves the person's own folder (portable installations, tests)."""


def resources() -> Path:
    """The shipped, read-only data: beside `engine` in a checkout, a wheel and a frozen bundle alike."""
    return Path(__file__).resolve().parent.parent / "resources"


def shipped_models() -> Path:
    """The folder of shipped weights and of their catalogue."""
    return resources() / "models"


def user_folder() -> Path:
    """The person's own folder; may not exist yet."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) if home else platformdirs.user_data_path("porelight", appauthor=False)


def user_sidecars() -> Path:
    """Sidecars of photos whose own folder cannot be written."""
    return user_folder() / "sidecars"


def own_name(photo: Path) -> str:
    """What the person's own files about a photo are named by; tells photos of the same name apart."""
    key = hashlib.sha256(str(photo.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{photo.stem[:40]}-{key}"


def spare_name(path: Path, word: str) -> Path:
    """A free name beside `path` for what is in its place now: `path.WORD-1`, `path.WORD-2` …"""
    number = 1
    while (spare := path.with_name(f"{path.name}.{word}-{number}")).exists():
        number += 1
    return spare


def user_cache() -> Path:
    """What can be made again at any time."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home) / "cache" if home else platformdirs.user_cache_path("porelight", appauthor=False)


def log_file() -> Path:
    """The rotating log of the window and the command line."""
    return user_folder() / "logs" / "porelight.log"


Piece = bytes | memoryview
PART: Final = re.compile(r"\.[0-9a-f]{16}\.part")
"""Name of a file that is being written."""
DEAD_SECONDS: Final = 3600
"""Age from which such a file is what a killed program left: while one is written it is never that old."""
_swept: set[Path] = set()


def write_atomic(path: Path, data: bytes | Iterable[Piece], *, overwrite: bool = True) -> None:
    """Write `data` to `path` whole or not at all: a hidden file beside it, flushed to disk, gets the name at the end.

    Without `overwrite` the name is taken in one step that fails if it exists. On any failure, and on interruption, the
    hidden file is removed and an existing file is left as it was. What a kill left in the folder goes, too.
    Raises: OSError.
    """
    _sweep(path.parent)
    hidden = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(descriptor, "wb") as file:
            for piece in (data,) if isinstance(data, bytes) else data:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        _publish(hidden, path, overwrite=overwrite)
    finally:
        hidden.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what killed programs left of files that they were writing; once a folder in each process."""
    if folder in _swept:
        return
    _swept.add(folder)
    with suppress(OSError):
        for entry in os.scandir(folder):
            if PART.fullmatch(entry.name) and time.time() - entry.stat().st_mtime > DEAD_SECONDS:
                Path(entry.path).unlink(missing_ok=True)


def write_either(path: Path, otherwise: Path, data: bytes) -> Path:
    """`write_atomic` to `path` or, where that cannot be written, to `otherwise`, whose folder is made.

    Returns: where it was written. Raises: OSError.
    """
    if path != otherwise:
        with suppress(OSError):
            write_atomic(path, data)
            return path
    otherwise.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(otherwise, data)
    return otherwise


def _publish(hidden: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        hidden.replace(path)
        return
    try:
        path.hardlink_to(hidden)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG, errno.EROFS):
            raise
        # No hard links here (FAT, some network drives): reserve the name, then replace the reservation.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        try:
            hidden.replace(path)
        except OSError:
            path.unlink(missing_ok=True)
            raise
