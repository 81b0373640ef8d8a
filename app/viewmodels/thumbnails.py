"""Small pictures for filmstrip and grid: made one at a time on the lane "thumbs", what is visible first. No widgets.

A view asks for what it is about to paint and gets what is there; the rest is announced when it is made. The embedded
preview comes first where there is one, then the better picture, and of a photo that is edited the retouched one, which
the lane "proofs" makes while nothing else needs the engine. Memory is bounded; the disk cache holds the rest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from app.jobs.runner import Job, JobRunner
from engine.jobs import CancelToken, Report

if TYPE_CHECKING:
    from engine.library.thumbs import ThumbCache

U8 = npt.NDArray[np.uint8]
Stamp = tuple[int, ...]
"""As `Frame.picture`: (size, mtime) and, of a photo that is edited, when the edits were saved."""
Key = tuple[Path, Stamp]
LANE = "thumbs"
PROOFS = "proofs"
MEMORY_BYTES = 96 << 20
CACHE_BYTES = 512 << 20


@dataclass(frozen=True)
class Made:
    """pixels: None if nothing is to be shown yet. better: another picture of the same follows. raw: of a photo that is
    edited, not retouched."""

    pixels: U8 | None
    better: bool = False
    raw: bool = False


class Thumbnails(QObject):
    """Pictures by (path, stamp). `ready` names a path whose picture is new or better."""

    ready = Signal(object)
    """(Path)"""

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._made: ThumbCache | None = None
        self.retouch: Callable[[Path], Callable[[CancelToken], U8] | None] = lambda _: None
        """How the small picture of an edited photo is made; None if it cannot be made now."""
        self._kept: OrderedDict[Key, U8] = OrderedDict()
        self._last: dict[Path, Key] = {}
        """The picture that was made last, shown until that of another stamp is there."""
        self._bytes = 0
        self._good: set[Key] = set()
        self._stored: set[Key] = set()
        self._bad: dict[Key, str] = {}
        self._wanted: OrderedDict[Key, None] = OrderedDict()
        self._behind: list[Key] = []
        self._visible: list[Key] = []
        self._raw: set[Key] = set()
        """Of edited photos, shown as they were."""
        self._job: Job | None = None
        self._proof: Job | None = None
        self._away = False
        self._pruned = False
        self.limit = CACHE_BYTES
        """Bytes on disk, kept to once in every run."""

    @property
    def _cache(self) -> ThumbCache:
        """In the worker thread: the window opens without what this imports."""
        if self._made is None:
            from engine.library.thumbs import ThumbCache

            self._made = ThumbCache()
        return self._made

    @property
    def idle(self) -> bool:
        return self._job is None and self._proof is None

    def get(self, path: Path, stamp: Stamp) -> U8 | None:
        """The picture in memory, if any, or the one before; what is not there, or only as a preview, is wanted."""
        key = (path, stamp)
        shown = key if key in self._kept else self._last.get(path, key)
        found = self._kept.get(shown)
        if found is not None:
            self._kept.move_to_end(shown)
        if key not in self._bad and (key not in self._good or found is None):
            self._wanted[key] = None
            self._wanted.move_to_end(key)
            self._go_on()
        return found

    def failed(self, path: Path, stamp: Stamp) -> str:
        """Why there is no picture of a photo; empty if there may be one."""
        return self._bad.get((path, stamp), "")

    def look_at(self, visible: Iterable[Key], behind: Iterable[Key] = ()) -> None:
        """What a view shows now: these are made first; what was wanted before and is out of sight is dropped.

        behind: made for the disk cache when nothing visible is missing.
        """
        self._visible = list(visible)
        self._wanted = OrderedDict((key, None) for key in self._visible if key not in self._good | self._bad.keys())
        self._behind = [key for key in behind if key not in self._stored and key not in self._bad]
        self._behind.reverse()
        self._go_on()

    def make_way(self, away: bool) -> None:
        """Retouch nothing for small pictures while the open photo needs the engine."""
        self._away = away
        if not away:
            self._go_on()
        elif self._proof is not None:
            self._proof.token.cancel()
            self._proof = None

    def close(self) -> None:
        self._wanted.clear()
        self._behind.clear()
        self.make_way(True)

    def _go_on(self) -> None:
        if self._job is None:
            if self._wanted:
                self._make(next(iter(self._wanted)), seen=True)
            elif self._behind:
                self._make(self._behind.pop(), seen=False)
            elif not self._pruned:
                self._pruned = True
                limit = self.limit
                self._run(lambda: self._cache.prune(limit), lambda _: None)
        if self._raw and self._proof is None and not self._away:
            key = next((key for key in self._visible if key in self._raw), None)
            work = self.retouch(key[0]) if key is not None else None
            if key is not None and work is not None:
                self._make_proof(key, work)

    def _make(self, key: Key, *, seen: bool) -> None:
        path, stamp = key
        file = stamp[:2]
        first = seen and key not in self._kept
        another = path in self._last and self._last[path] != key and self._last[path] in self._kept

        def work() -> Made:
            from engine.library import thumbs

            cache, edited = self._cache, file != stamp
            if (found := cache.get(path, stamp)) is not None:
                return Made(found)
            if edited and another:  # the one before stays until the retouched one is there
                return Made(None, raw=True)
            if edited and (found := cache.get(path, file)) is not None:
                return Made(found, raw=True)
            if first and (preview := thumbs.quick(path)) is not None:
                return Made(preview, better=True)
            found = thumbs.make(path)
            cache.put(path, file, found)
            return Made(found, raw=edited)

        def done(made: Made) -> None:
            if not made.better:
                self._stored.add(key)
                self._wanted.pop(key, None)
            if not seen:
                return
            if made.raw:
                self._raw.add(key)
            if not made.better:
                self._good.add(key)
            if made.pixels is not None:
                self._keep(key, made.pixels)

        def failed(error: Exception) -> None:
            self._wanted.pop(key, None)
            self._bad[key] = str(error)
            self.ready.emit(path)

        self._run(work, done, failed)

    def _make_proof(self, key: Key, work: Callable[[CancelToken], U8]) -> None:
        """The retouched picture of an edited photo."""

        def job(token: CancelToken, report: Report) -> U8:
            pixels = work(token)
            token.check()
            self._cache.put(*key, pixels)
            return pixels

        def done(pixels: U8) -> None:
            self._proof = None
            self._raw.discard(key)
            self._keep(key, pixels)
            self._go_on()

        def failed(_: Exception) -> None:  # it is told when the photo is shown
            self._proof = None
            self._raw.discard(key)
            self._go_on()

        self._proof = self._runner.start(PROOFS, job, done, failed)

    def _run(
        self,
        work: Callable[[], object],
        done: Callable[..., None],
        failed: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        def ended(after: Callable[..., None]) -> Callable[..., None]:
            def run(value: object) -> None:
                self._job = None
                after(value)
                self._go_on()

            return run

        def job(token: CancelToken, report: Report) -> object:
            return work()

        self._job = self._runner.start(LANE, job, ended(done), ended(failed))

    def _keep(self, key: Key, pixels: U8) -> None:
        if (old := self._kept.pop(key, None)) is not None:
            self._bytes -= old.nbytes
        self._kept[key] = pixels
        self._last[key[0]] = key
        self._bytes += pixels.nbytes
        while self._bytes > MEMORY_BYTES and len(self._kept) > 1:
            dropped, old = self._kept.popitem(last=False)
            self._good.discard(dropped)
            self._bytes -= old.nbytes
        self.ready.emit(key[0])
