"""Locks between running programs. The system frees them when a process ends in any way, kill −9 included."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import paths
from engine.errors import SidecarError

POLL_SECONDS = 0.02


class FileLock:
    """An exclusive lock on a file, which stays where it is. Not shared between two objects, even in one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def acquire(self, wait: float = 0.0) -> bool:
        """Take the lock, trying for `wait` seconds. Returns: whether it is held now. Raises: OSError."""
        if self.held:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
        deadline = time.monotonic() + wait
        while not _try(descriptor):
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return False
            time.sleep(POLL_SECONDS)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Free the lock, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.release()


def folder_lock(folder: Path) -> FileLock:
    """The lock of the one Porelight that works in a folder. It lies in the person's own folder."""
    key = hashlib.sha256(os.path.normcase(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return FileLock(paths.user_folder() / "locks" / f"folder-{key}.lock")


@contextmanager
def sidecars_locked(wait: float = 5.0) -> Iterator[None]:
    """Reading and writing again a sidecar, by one program of this person at a time. Raises: SidecarError, OSError."""
    lock = FileLock(paths.user_folder() / "locks" / "sidecars.lock")
    if not lock.acquire(wait):
        raise SidecarError("Another Porelight is writing sidecars and does not end.", "Close it and try again.")
    try:
        yield
    finally:
        lock.release()


def _try(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
