"""Stars, label and flag of a photo: which XMP sidecar holds them, reading, and writing into it.

`IMG.CR2` is described by `IMG.CR2.xmp` (darktable) or `IMG.xmp` (Lightroom, Capture One), whichever is there; a new one
is `IMG.xmp`, or `IMG.JPG.xmp` beside another photo of that stem. Where the folder cannot be written, it goes to the
person's own folder; of two, the one written later counts. The photo itself is never written to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine import locks, paths
from engine.errors import SidecarError
from engine.imageio.read import is_raw_name, supported_suffixes
from engine.library.xmp import BrokenXmp, Cull, edited, read, verdict

SUFFIX: Final = ".xmp"


@dataclass
class Listing:
    """The names in a folder, and the photos among them by stem."""

    names: frozenset[str]
    stems: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str]) -> Listing:
        known, listing = supported_suffixes(), cls(frozenset(names))
        for name in listing.names:
            stem, dot, suffix = name.rpartition(".")
            if (dot + suffix).lower() in known:
                listing.stems.setdefault(stem, []).append(name)
        return listing

    @classmethod
    def read(cls, folder: Path) -> Listing:
        """Of a folder as it is now; empty if it cannot be read."""
        try:
            return cls.of(entry.name for entry in folder.iterdir())
        except OSError:
            return cls.of(())

    def owns_stem(self, photo: Path) -> bool:
        """Whether `STEM.xmp` is this photo's: it is the only one of that stem, or the only raw one."""
        siblings = [name for name in self.stems.get(photo.stem, ()) if name != photo.name]
        return not siblings or (is_raw_name(photo.name) and not any(is_raw_name(name) for name in siblings))

    def sidecars(self, photo: Path) -> list[Path]:
        """XMP sidecars beside the photo that are there and describe it."""
        stems = [photo.name, photo.stem] if self.owns_stem(photo) else [photo.name]
        spelled = [stem + suffix for stem in stems for suffix in (SUFFIX, SUFFIX.upper())]
        return [photo.with_name(name) for name in spelled if name in self.names]


def in_user_folder(photo: Path) -> Path:
    """The sidecar's place where the photo's folder cannot be written."""
    return paths.user_sidecars() / f"{paths.own_name(photo)}{SUFFIX}"


def load(photo: Path, listing: Listing | None = None, embedded: bytes | None = None) -> Cull:
    """The photo's verdict; what the photo's file says itself (`embedded`) counts where no sidecar says anything.

    Raises: SidecarError if the sidecar that counts is damaged.
    """
    newest = _newest(photo, listing or Listing.read(photo.parent))
    if newest is not None:
        packet = _bytes(newest)
        try:
            if (said := verdict(packet)) is not None:
                return said
        except BrokenXmp as error:
            raise SidecarError(f"{newest.name} {error}.", "Repair it, or move it away.") from error
    return _embedded(embedded)


def save(photo: Path, cull: Cull, embedded: bytes | None = None) -> Path:
    """Write a verdict into the photo's sidecar, leaving everything else in it as it is.

    Raises: SidecarError if the sidecar is damaged (it is left alone) or cannot be written anywhere.
    """
    with locks.sidecars_locked():
        listing = Listing.read(photo.parent)
        newest = _newest(photo, listing)
        packet = _bytes(newest) if newest else None
        try:
            start = packet
            if packet is None and embedded is not None and read(embedded) != Cull():
                start = edited(None, read(embedded))
            data = edited(start, cull)
        except BrokenXmp as error:
            name = newest.name if newest else photo.name
            message = f"The stars, label and flag of {photo.name} are not saved: {name} {error}."
            raise SidecarError(message, "Repair it, or move it away; it is left as it is.") from error
        if newest is not None and data == packet:
            return newest
        try:
            return paths.write_either(newest or _new(photo, listing), in_user_folder(photo), data)
        except OSError as error:
            message = f"The stars, label and flag of {photo.name} cannot be saved: {error.strerror}."
            raise SidecarError(message, "Free space or change the rights of its folder.") from error


def _embedded(packet: bytes | None) -> Cull:
    """What the photo's own packet says; a damaged one says nothing."""
    try:
        return read(packet) if packet else Cull()
    except BrokenXmp:
        return Cull()


def _newest(photo: Path, listing: Listing) -> Path | None:
    times = {}
    for path in (*listing.sidecars(photo), in_user_folder(photo)):
        try:
            times[path] = path.stat().st_mtime_ns
        except OSError:
            continue
    return max(times, key=lambda path: times[path], default=None)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SidecarError(f"{path.name} cannot be read: {error.strerror}.", "Check its rights.") from error


def _new(photo: Path, listing: Listing) -> Path:
    return photo.with_name((photo.stem if listing.owns_stem(photo) else photo.name) + SUFFIX)
