"""What is in a folder: listing its photos, and reading what their heads and sidecars say."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from engine import sidecar
from engine.errors import ImageReadError, SidecarError
from engine.imageio.head import Head, read_head
from engine.imageio.read import supported_suffixes
from engine.jobs import CancelToken
from engine.library import culls
from engine.library.culls import Listing
from engine.library.frames import Frame, by_name
from engine.library.xmp import Cull

CHUNK: Final = 40
"""Frames whose details are handed over together."""
REST: Final = 0.001
"""Seconds of rest after each frame's details, in which the thread that paints need not wait for the interpreter."""


Listings = dict[Path, Listing]
"""Folder → what is in it."""


def list_folder(folder: Path, *, deep: bool = False, token: CancelToken | None = None) -> tuple[list[Frame], Listings]:
    """The photos directly in a folder, or deep in its subfolders too, by folder and name, without details.

    Raises: ImageReadError if the folder cannot be read (a subfolder that cannot be is left out), Cancelled.
    """
    found, listing, below = _list(folder)
    listings, waiting = {folder: listing}, below if deep else []
    while waiting:
        if token is not None:
            token.check()
        with suppress(ImageReadError):
            inner = waiting.pop()
            more, listings[inner], below = _list(inner)
            found += more
            waiting += below
    return sorted(found, key=by_name), listings


def _list(folder: Path) -> tuple[list[Frame], Listing, list[Path]]:
    """Photos, all names, and subfolders that are neither hidden nor links."""
    known = supported_suffixes()
    names, frames, below = [], [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                suffix = "." + entry.name.rpartition(".")[2].lower()
                if entry.name.startswith("."):
                    continue
                with suppress(OSError):  # gone since, or a broken link
                    if entry.is_dir(follow_symlinks=False):
                        below.append(folder / entry.name)
                    if suffix not in known:
                        continue
                    status = entry.stat()
                    if stat.S_ISREG(status.st_mode):
                        frames.append(Frame(folder / entry.name, status.st_size, status.st_mtime_ns))
    except FileNotFoundError as error:
        raise ImageReadError(f"The folder {folder.name} does not exist.", "Check the path and the drive.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageReadError(f"The folder {folder.name} cannot be read: {reason}.", "Check its rights.") from error
    return frames, Listing.of(names), below


def list_files(paths: Iterable[Path]) -> list[Frame]:
    """Named photos, each once, in the order given; those that are not there are missing."""
    return [of_file(path) for path in dict.fromkeys(paths)]


def of_file(path: Path) -> Frame:
    """One file without details; missing if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return Frame(path, missing=True)
    return Frame(path, status.st_size, status.st_mtime_ns)


def embedded(path: Path) -> bytes | None:
    """The XMP inside the photo's file, if its head can be read."""
    try:
        return read_head(path).xmp
    except OSError:
        return None


def fill(frames: Sequence[Frame], listings: Listings, found: Callable[[list[Frame]], None], token: CancelToken) -> None:
    """Read the details of all frames, handing over some at a time. Raises: Cancelled."""
    listings = dict(listings)
    done: list[Frame] = []
    for frame in frames:
        token.check()
        folder = frame.path.parent
        if folder not in listings:
            listings[folder] = Listing.read(folder)
        done.append(details(frame, listings[folder]))
        time.sleep(REST)
        if len(done) >= CHUNK:
            found(done)
            done = []
    if done:
        found(done)


def details(frame: Frame, listing: Listing | None = None) -> Frame:
    """The frame with its verdict, time of capture and edits."""
    if frame.missing:
        return replace(frame, known=True)
    listing = listing or Listing.read(frame.path.parent)
    head = Head()
    with suppress(OSError):
        head = read_head(frame.path)
    cull, problem = Cull(), ""
    try:
        cull = culls.load(frame.path, listing, head.xmp)
    except SidecarError as error:
        problem = error.message
    edits = edits_of(frame.path, listing)
    return replace(
        frame,
        cull=cull,
        captured=head.captured,
        edits=edits[0] if edits is not None else 0,
        faces=edits[1] if edits is not None else None,
        problem=problem,
        known=True,
    )


def edits_of(path: Path, listing: Listing | None = None) -> tuple[int, int] | None:
    """When the photo's sidecar of edits was written, in nanoseconds, and its number of faces (0 of a damaged one).

    None without a sidecar; (0, faces) if all edits in it were taken back."""
    beside, own = sidecar.beside(path), sidecar.in_user_folder(path)
    places = [own] if listing is not None and beside.name not in listing.names else [beside, own]
    for place in places:
        with suppress(OSError):
            data, written = place.read_bytes(), place.stat().st_mtime_ns
            with suppress(ValueError, TypeError, AttributeError, KeyError):
                found = json.loads(data)
                return 0 if sidecar.untouched(found) else written, len(found["faces"])
            return written, 0
    return None
