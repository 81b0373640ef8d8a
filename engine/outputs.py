"""Which photos a batch takes, and where each result goes, before any photo is opened.

Results of a folder keep its subfolders; two results never share a name; no result takes the place of a photo that is
read. Suffixes are decided by `suffix_of` when a photo has been read, so that planning reserves every suffix possible.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError
from engine.types import Photo

SUFFIXES = {"jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"), "png": (".png",), "tiff": (".tif", ".tiff")}
"""Formats that can be written, with their suffixes, the usual one first."""
_WRITABLE = frozenset(suffix for group in SUFFIXES.values() for suffix in group)
_EITHER_DEPTH = frozenset({".webp", ".heic", ".heif", ".hif"})
"""Files that may hold 8 or 16 bits; other files that cannot be written are camera raw, which becomes TIFF."""


@dataclass(frozen=True)
class Source:
    """A photo to read, and the folder, relative to the output folder, where its result goes."""

    path: Path
    subfolder: Path = Path()


@dataclass(frozen=True)
class Target:
    """Where a result goes: folder / (stem + suffix), the suffix once the photo has been read."""

    folder: Path
    stem: str

    def with_suffix(self, suffix: str) -> Path:
        return self.folder / (self.stem + suffix)


def gather(arguments: Iterable[str], exclude: Path | None = None) -> list[Source]:
    """Files, folders (with subfolders) and globs as photos, each once, in the order given, folders sorted.

    A name that is not there is taken as a photo, so that it is reported as failed and not lost. Hidden files and
    everything under `exclude` (the output folder) are left out of folders.

    Raises: UsageError if nothing is found at all.
    """
    from engine.imageio.read import supported_suffixes

    known = supported_suffixes()
    found: dict[Path, Source] = {}
    for argument in arguments:
        path = Path(argument)
        if _is_folder(path):
            entries = [Source(file, file.parent.relative_to(path)) for file in _photos_in(path, known, exclude)]
        elif glob.has_magic(argument) and not os.path.lexists(path):
            matches = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]  # noqa: PTH207
            entries = [Source(match) for match in matches if not _is_folder(match)] or [Source(path)]
        else:
            entries = [Source(path)]
        for entry in entries:
            found.setdefault(_key(entry.path), entry)
    if not found:
        raise UsageError("There are no photos in the folders named.", f"Known are {', '.join(sorted(known))}.")
    return list(found.values())


def plan(sources: Sequence[Source], out: Path, format: str | None = None, *, varied: bool = False) -> list[Target]:
    """One target per source; names are told apart by "-2", "-3" …, and by "-retouched" from the photos themselves.

    varied: several files are made of each (NAME-v1 …, and their sheet), so that a stem is used once whatever the
    suffix, and may be the photo's own.
    """
    names = Names(() if varied else (source.path for source in sources))
    format = "png" if varied else format
    return [names.take(out / source.subfolder, source.path.stem, source.path, format) for source in sources]


class Names:
    """Gives out names of results so that no two are the same and none is a photo's that is read.

    fresh: nor that of a file which is there already.
    """

    def __init__(self, inputs: Iterable[Path], *, taken: Iterable[Path] = (), fresh: bool = False) -> None:
        self._inputs = {_folded(_key(path)) for path in inputs}
        self._taken = {_folded(_key(path)) for path in taken}
        self._fresh = fresh

    def take(self, folder: Path, stem: str, source: Path, format: str | None) -> Target:
        """A target for the result of `source`, named as near to `stem` as possible."""
        suffixes = _possible_suffixes(source, format)
        if any(_folded(_key(folder / (stem + suffix))) in self._inputs for suffix in suffixes):
            stem += "-retouched"
        base, number = stem, 1
        while self._used(names := [_key(folder / (stem + suffix)) for suffix in suffixes]):
            number += 1
            stem = f"{base}-{number}"
        self._taken |= {_folded(name) for name in names}
        return Target(folder, stem)

    def _used(self, names: Iterable[Path]) -> bool:
        return any(_folded(name) in self._taken or (self._fresh and os.path.lexists(name)) for name in names)


def format_of(photo: Photo, format: str | None = None) -> str:
    """The format to write: the one asked for, the photo's own, or the nearest that keeps its depth."""
    if format is not None:
        return format
    if photo.format in SUFFIXES:
        return photo.format
    return "jpeg" if photo.depth == 8 else "tiff"


def suffix_of(path: Path, format: str) -> str:
    """The photo's own suffix if it fits the format, else the usual one."""
    return path.suffix if path.suffix.lower() in SUFFIXES[format] else SUFFIXES[format][0]


def only_suffix(path: Path, format: str | None) -> str | None:
    """The suffix that the result must have, if that is known before the photo is read (from its name alone)."""
    if format is not None:
        return suffix_of(path, format)
    return path.suffix if path.suffix.lower() in _WRITABLE else None


def _possible_suffixes(path: Path, format: str | None) -> tuple[str, ...]:
    known = only_suffix(path, format)
    if known is not None:
        return (known,)
    return (".jpg", ".tif") if path.suffix.lower() in _EITHER_DEPTH else (".tif",)


def _photos_in(folder: Path, suffixes: frozenset[str], exclude: Path | None) -> list[Path]:
    excluded = None if exclude is None else _key(exclude)
    found = []
    for current, folders, files in os.walk(folder):
        here = Path(current)
        inside = [name for name in sorted(folders) if not name.startswith(".")]
        folders[:] = [name for name in inside if _key(here / name) != excluded]
        photos = (here / name for name in sorted(files) if not name.startswith("."))
        found += [photo for photo in photos if photo.suffix.lower() in suffixes]
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long; reading it will say so
        return False


def _key(path: Path) -> Path:
    """The path that tells whether two names are one file."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # too long, or a ring of links
        return path.absolute()


def _folded(path: Path) -> str:
    """Names that differ only in case are one file on common file systems."""
    return str(path).casefold()
