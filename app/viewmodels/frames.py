"""What the canvas shows: pictures of the visible part of a photo, before and after.

A `Stack` holds everything that a slider change needs for one part at one size, so `after` is fast and runs in the GUI
thread; making a stack reads source pixels and runs on the "view" lane. While a stack for a new part is being made, the
canvas shows the stacks that are there, moved and scaled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from app.jobs.runner import Job, JobRunner
from app.viewmodels.state import Edits
from app.viewmodels.viewport import Size, Viewport
from engine.jobs import CancelToken
from engine.types import F32, Box

U8 = npt.NDArray[np.uint8]
Split = tuple[str, ...]
"""Regions of faces whose strengths are about to be changed."""
LANE = "view"


@dataclass(frozen=True)
class Request:
    """box: source pixels. size: (width, height) of the picture, at most the box's own."""

    box: Box
    size: Size

    @classmethod
    def of(cls, viewport: Viewport, pane: Size) -> Request:
        """What a pane shows; no more pixels than the source has."""
        return cls._scaled(viewport.visible(pane), viewport.zoom)

    @classmethod
    def fitting(cls, box: Box, side: int) -> Request:
        """The whole box with a longer side of at most `side` pixels."""
        return cls._scaled(box, side / max(box[2] - box[0], box[3] - box[1]))

    @classmethod
    def _scaled(cls, box: Box, scale: float) -> Request:
        scale = min(scale, 1.0)
        return cls(box, (max(round((box[2] - box[0]) * scale), 1), max(round((box[3] - box[1]) * scale), 1)))


class Stack(Protocol):
    """Pictures of one request. Shapes: (height, width, 3) uint8 sRGB."""

    @property
    def before(self) -> U8: ...

    def after(self, edits: Edits) -> U8: ...

    def presence(self, edits: Edits, layer: str | None) -> F32:
        """(height, width) how strong a layer is where, or where anything may change."""
        ...


class Source(Protocol):
    """One photo with or without a proposal. `prepare` may be called in a worker thread."""

    @property
    def proposed(self) -> bool: ...

    def structure(self, edits: Edits, split: Split) -> object:
        """What of the edits is built into a stack: another one is needed when it changes."""
        ...

    def prepare(self, request: Request, edits: Edits, token: CancelToken, split: Split = ()) -> Stack: ...

    def drawn(self, request: Request, edits: Edits, split: Split = ()) -> Stack | None:
        """What `prepare` would give, if it is there already."""
        ...


@dataclass
class Shown:
    """A stack on the canvas. `generation` changes when the pictures change."""

    request: Request
    stack: Stack
    proposed: bool
    edits: Edits
    generation: int
    _after: U8 | None = None

    @property
    def before(self) -> U8:
        return self.stack.before

    @property
    def after(self) -> U8:
        """Computed when first asked for."""
        if not self.proposed:
            return self.stack.before
        if self._after is None:
            self._after = self.stack.after(self.edits)
        return self._after

    def presence(self, layer: str | None) -> F32:
        """See `Stack.presence`."""
        return self.stack.presence(self.edits, layer)


class Frames(QObject):
    """Keeps two stacks: the whole photo as last fitted, and the part that is visible now."""

    changed = Signal()
    failed = Signal(object)
    """(Exception) of a stack that could not be made."""

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._source: Source | None = None
        self._edits: Edits = {}
        self._job: Job | None = None
        self._wanted: Request | None = None
        self._base: Shown | None = None
        self._sharp: Shown | None = None
        self._whole: Box = (0, 0, 0, 0)
        self._generation = 0
        self._split: Split = ()
        self._built: object = None

    @property
    def source(self) -> Source | None:
        return self._source

    @property
    def shown(self) -> tuple[Shown, ...]:
        """In painting order."""
        both = (self._base, self._sharp) if self._base is not self._sharp else (self._sharp,)
        return tuple(each for each in both if each is not None)

    def covering(self, visible: Box) -> tuple[Shown, ...]:
        """What has to be painted to fill the visible part, in painting order."""
        sharp = self._sharp
        if sharp is not None and _contains(sharp.request.box, visible):
            return (sharp,)
        return self.shown

    @property
    def settled(self) -> bool:
        """Whether what is wanted is shown."""
        return self._wanted is None or (
            self._sharp is not None and self._sharp.request == self._wanted and not self._job
        )

    def set_source(self, source: Source | None, photo: Size = (0, 0), *, same_photo: bool = False) -> None:
        """Show another photo, or the same with a new proposal (the old pictures stay until new ones are there)."""
        self._source = source
        self._whole = (0, 0, *photo)
        self._stop()
        if not same_photo:
            self._base = self._sharp = self._wanted = None
        elif source is not None and self._wanted is not None:
            self._start(self._wanted)
        self.changed.emit()

    def _stop(self) -> None:
        """Let go of the stack that is being made; a cancelled job reports no end."""
        if self._job is not None:
            self._job.token.cancel()
            self._job = None

    def set_edits(self, edits: Edits) -> None:
        """Other strengths or decisions: the pictures are computed anew when they are painted next."""
        self._edits = edits
        self._generation += 1
        for each in self.shown:
            each.edits, each.generation, each._after = edits, self._generation, None
        self._rebuild()
        self.changed.emit()

    def set_split(self, split: Split) -> None:
        """Be ready for strengths of these regions."""
        self._split = split
        self._rebuild()

    def _rebuild(self) -> None:
        """Make a new stack if the edits ask for one; the present one stays until then."""
        source = self._source
        if source is None or self._wanted is None or not source.proposed:
            return
        if source.structure(self._edits, self._split) != self._built:
            self._stop()
            self._start(self._wanted)

    def want(self, request: Request) -> None:
        """Ask for a part; of several asked in a row while one is made, only the last one is made."""
        if self._source is None or request == self._wanted:
            return
        self._wanted = request
        if self._job is None:
            self._start(request)

    def _start(self, request: Request) -> None:
        source = self._source
        assert source is not None

        def ended(stack: Stack) -> None:
            self._job = None
            if source is self._source:
                self._take(Shown(request, stack, source.proposed, self._edits, self._generation))
            self._next(request, source)

        def failed(problem: Exception) -> None:
            self._job = None
            self.failed.emit(problem)
            self._next(request, source)

        edits, split = dict(self._edits), self._split
        self._built = source.structure(edits, split)
        kept = source.drawn(request, edits, split)
        if kept is not None:  # read ahead: it shows without a turn of the event loop
            self._take(Shown(request, kept, source.proposed, self._edits, self._generation))
            return
        work = lambda token, _: source.prepare(request, edits, token, split)  # noqa: E731
        self._job = self._runner.start(LANE, work, ended, failed)

    def _next(self, request: Request, source: Source) -> None:
        if self._wanted is not None and self._wanted != request and source is self._source:
            self._start(self._wanted)

    def _take(self, shown: Shown) -> None:
        self._generation += 1
        shown.generation = self._generation
        if shown.request.box == self._whole or self._base is None or (shown.proposed and not self._base.proposed):
            self._base = shown
        self._sharp = shown
        self.changed.emit()


def _contains(outer: Box, inner: Box) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]
