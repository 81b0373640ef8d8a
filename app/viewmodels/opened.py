"""Photos that are open beside the one on the canvas: those just left and those that come next. No widgets.

The next and the previous photo are read ahead, drawn once at the canvas' size and, if wanted, retouched, while nothing
else is going on. Together they stay within a budget of memory; what was used longest ago goes first. A photo whose file
or sidecar has changed since is read again.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.jobs.runner import Job, JobRunner
from app.viewmodels.engine import Engine
from app.viewmodels.frames import Request, Source
from app.viewmodels.state import Edits, Retouched
from engine.jobs import CancelToken, Report

if TYPE_CHECKING:
    from engine.session import RetouchSession

LANE = "ahead"
BUDGET_BYTES = 700 << 20
Stamp = tuple[object, ...]


@dataclass
class Opened:
    """A photo that can be shown at once. retouched: None while there is no proposal. source: has drawn the whole photo
    at the size of the canvas, if it was read ahead."""

    session: RetouchSession
    source: Source
    stamp: Stamp
    retouched: Retouched | None = None
    edits: Edits = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.session.photo.path

    @property
    def nbytes(self) -> int:
        """Memory of its arrays, each counted once."""
        return sum(_arrays((vars(self.session), self.retouched, self.source), {}).values())


def stamp(path: Path) -> Stamp:
    """Changes whenever the photo's file or one of its sidecars does."""
    from engine import sidecar  # not when the window opens

    found: list[object] = []
    for each in (path, sidecar.beside(path), sidecar.in_user_folder(path)):
        try:
            status = each.stat()
            found.append((status.st_size, status.st_mtime_ns))
        except OSError:
            found.append(None)
    return tuple(found)


class OpenedPhotos:
    """The photos kept and read ahead, on a lane of their own: the open photo's saving and healing never wait for it."""

    def __init__(self, engine: Engine, runner: JobRunner, budget: int = BUDGET_BYTES) -> None:
        self.engine, self.runner, self.budget = engine, runner, budget
        self.retouch: Callable[[RetouchSession, CancelToken, Report], Retouched] | None = None
        """How a photo read ahead is retouched; None to leave that until it is shown."""
        self.request: Callable[[tuple[int, int]], Request | None] = lambda _: None
        """What the canvas will ask for first, of a photo of this size."""
        self._kept: OrderedDict[Path, Opened] = OrderedDict()
        self._wanted: list[Path] = []
        self._job: Job | None = None
        self._bad: set[tuple[Path, Stamp]] = set()

    @property
    def idle(self) -> bool:
        return self._job is None

    @property
    def nbytes(self) -> int:
        return sum(each.nbytes for each in self._kept.values())

    def __contains__(self, path: Path) -> bool:
        return path in self._kept

    def take(self, path: Path) -> Opened | None:
        """The photo, if it is here and unchanged; it belongs to the caller then."""
        self.pause()
        found = self._kept.pop(path, None)
        return found if found is not None and found.stamp == stamp(path) else None

    def keep(self, opened: Opened) -> None:
        """Keep a photo that is left or read ahead."""
        self._kept[opened.path] = opened
        self._kept.move_to_end(opened.path)
        for path in list(self._kept):
            if self.nbytes <= self.budget:
                break
            if path not in self._wanted and path != opened.path:
                del self._kept[path]
        if self.nbytes > self.budget and len(self._kept) > 1:
            del self._kept[opened.path]

    def restamp(self, path: Path) -> None:
        """The photo's sidecar was written from here, so what is kept is still right."""
        if path in self._kept:
            self._kept[path].stamp = stamp(path)

    def forget_proposals(self) -> None:
        """Drop what was proposed and not edited: no sidecar holds it, so it is to be proposed anew."""
        self.pause()
        for path, opened in list(self._kept.items()):
            if opened.retouched is not None and opened.stamp[1:] == (None, None):
                del self._kept[path]

    def pause(self) -> None:
        """Stop reading ahead: something else matters now."""
        self._wanted.clear()
        if self._job is not None:
            self._job.token.cancel()
            self._job = None

    def want(self, paths: Sequence[Path]) -> None:
        """Read these ahead, in this order, one step at a time."""
        self._wanted = list(paths)
        self._go_on()

    def _go_on(self) -> None:
        if self._job is not None:
            return
        for path in self._wanted:
            kept = self._kept.get(path)
            if kept is None:
                now = stamp(path)
                if now[0] is not None and (path, now) not in self._bad:
                    self._read(path, now)
                    return
            elif kept.retouched is None and self.retouch is not None and (path, kept.stamp) not in self._bad:
                self._retouch(kept)
                return

    def _read(self, path: Path, now: Stamp) -> None:
        engine, request = self.engine, self.request

        def work(token: CancelToken, report: Report) -> Opened:
            session = engine.open(path)
            token.check()
            source = engine.source(session.photo, None)
            wanted = request(session.photo.size)
            if wanted is not None:
                source.prepare(wanted, {}, token)
            return Opened(session, source, now)

        self._start(work, (path, now))

    def _retouch(self, kept: Opened) -> None:
        engine, request, retouch = self.engine, self.request, self.retouch
        assert retouch is not None

        def work(token: CancelToken, report: Report) -> Opened:
            found = retouch(kept.session, token, report)
            source = engine.source(kept.session.photo, found.layers)
            wanted = request(kept.session.photo.size)
            if wanted is not None:
                source.prepare(wanted, found.edits, token)
            return Opened(kept.session, source, kept.stamp, found, found.edits)

        self._start(work, (kept.path, kept.stamp))

    def _start(self, work: Callable[[CancelToken, Report], Opened], key: tuple[Path, Stamp]) -> None:
        def done(opened: Opened) -> None:
            self._job = None
            self.keep(opened)
            if opened.path in self._kept:
                self._go_on()

        def failed(_: Exception) -> None:
            self._job = None
            self._bad.add(key)  # it is told when the photo is shown
            self._go_on()

        self._job = self.runner.start(LANE, work, done, failed)


def _arrays(value: Any, seen: dict[int, int]) -> dict[int, int]:
    """Bytes of every array reachable through dataclasses, mappings and sequences, by the id of its memory."""
    if isinstance(value, np.ndarray):
        base = value
        while isinstance(base.base, np.ndarray):
            base = base.base
        seen[id(base)] = base.nbytes
    elif isinstance(value, dict):
        _of_all(value.values(), seen)
    elif isinstance(value, (tuple, list)):
        _of_all(value, seen)
    elif hasattr(value, "__dict__") and type(value).__module__.partition(".")[0] in ("engine", "app"):
        key = -id(value)
        if key not in seen:
            seen[key] = sys.getsizeof(value)
            _of_all(vars(value).values(), seen)
    return seen


def _of_all(values: Iterable[Any], seen: dict[int, int]) -> None:
    for each in list(values):  # a worker may add to what is counted
        _arrays(each, seen)
