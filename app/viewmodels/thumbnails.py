"""Small pictures for filmstrip and grid: made one at a time on the lane "thumbs", what is visible first. No widgets.

A view asks for what it is about to paint and gets what is there; the rest is announced when it is made. The embedded
preview comes first where there is one, then the better picture. Memory is bounded; the disk cache holds the rest.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
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
Stamp = tuple[int, int]
LANE = "thumbs"
MEMORY_BYTES = 96 << 20
CACHE_BYTES = 512 << 20


class Thumbnails(QObject):
    """Pictures by (path, stamp). `ready` names a path whose picture is new or better."""

    ready = Signal(object)
    """(Path)"""

    def __init__(self, runner: JobRunner, cache: ThumbCache | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner, self._made = runner, cache
        self._kept: OrderedDict[tuple[Path, Stamp], U8] = OrderedDict()
        self._bytes = 0
        self._good: set[tuple[Path, Stamp]] = set()
        self._stored: set[tuple[Path, Stamp]] = set()
        self._bad: dict[tuple[Path, Stamp], str] = {}
        self._wanted: OrderedDict[tuple[Path, Stamp], None] = OrderedDict()
        self._behind: list[tuple[Path, Stamp]] = []
        self._job: Job | None = None
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
        return self._job is None

    def get(self, path: Path, stamp: Stamp) -> U8 | None:
        """The picture in memory, if any; what is not there, or only as a preview, is wanted from now on."""
        key = (path, stamp)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        if key not in self._good and key not in self._bad:
            self._wanted[key] = None
            self._wanted.move_to_end(key)
            self._go_on()
        return found

    def failed(self, path: Path, stamp: Stamp) -> str:
        """Why there is no picture of a photo; empty if there may be one."""
        return self._bad.get((path, stamp), "")

    def look_at(self, visible: Iterable[tuple[Path, Stamp]], behind: Iterable[tuple[Path, Stamp]] = ()) -> None:
        """What a view shows now: these are made first; what was wanted before and is out of sight is dropped.

        behind: made for the disk cache when nothing visible is missing.
        """
        self._wanted = OrderedDict((key, None) for key in visible if key not in self._good and key not in self._bad)
        self._behind = [key for key in behind if key not in self._stored and key not in self._bad]
        self._behind.reverse()
        self._go_on()

    def close(self) -> None:
        self._wanted.clear()
        self._behind.clear()

    def _go_on(self) -> None:
        if self._job is not None:
            return
        if self._wanted:
            self._make(next(iter(self._wanted)), seen=True)
        elif self._behind:
            self._make(self._behind.pop(), seen=False)
        elif not self._pruned:
            self._pruned = True
            limit = self.limit
            self._run(lambda: self._cache.prune(limit), lambda _: None)

    def _make(self, key: tuple[Path, Stamp], *, seen: bool) -> None:
        path, stamp = key
        first = seen and key not in self._kept

        def work() -> tuple[U8 | None, bool]:
            from engine.library import thumbs

            cache = self._cache
            found = cache.get(path, stamp)
            if found is None and first and (preview := thumbs.quick(path)) is not None:
                return preview, False
            if found is None:
                found = thumbs.make(path)
                cache.put(path, stamp, found)
            return (found if seen else None), True

        def done(result: tuple[U8 | None, bool]) -> None:
            pixels, good = result
            if good:
                self._stored.add(key)
                self._wanted.pop(key, None)
            if pixels is not None:
                self._keep(key, pixels, good)
                self.ready.emit(path)

        def failed(error: Exception) -> None:
            self._wanted.pop(key, None)
            self._bad[key] = str(error)
            self.ready.emit(path)

        self._run(work, done, failed)

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

    def _keep(self, key: tuple[Path, Stamp], pixels: U8, good: bool) -> None:
        if (old := self._kept.pop(key, None)) is not None:
            self._bytes -= old.nbytes
        self._kept[key] = pixels
        self._bytes += pixels.nbytes
        if good:
            self._good.add(key)
        while self._bytes > MEMORY_BYTES and len(self._kept) > 1:
            dropped, old = self._kept.popitem(last=False)
            self._good.discard(dropped)
            self._bytes -= old.nbytes
