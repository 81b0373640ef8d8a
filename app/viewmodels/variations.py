"""Variations: further samples around a result, as small pictures to choose from. No widgets."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.jobs.runner import Job
from app.language import tr
from app.viewmodels.engine import Engine
from app.viewmodels.frames import U8, Request, Split, Stack
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change, Edits, Stage, own_marks
from app.viewmodels.working import LANE
from engine.jobs import CancelToken, Report, share
from engine.proposal import EXPLORATION, MAX_SEED, ProposalSpec
from engine.types import F32, Box, RetouchLayers

if TYPE_CHECKING:
    from engine.proposal import Proposal
    from engine.session import RetouchSession

Layers = Mapping[str, RetouchLayers]
"""Face id → layers."""
COUNT = 6
THUMB = 720
"""Long side of the pictures to choose from, in pixels."""
KEPT_BYTES = 384 << 20
"""Layers of variations that are kept to be shown at once; others are drawn again."""


class Anchor(StrEnum):
    """What variations vary: the current result, the one that was picked last (also if others were drawn since), or the
    proposal that everything began with."""

    CURRENT = "current"
    PICK = "pick"
    FIRST = "first"


@dataclass(frozen=True)
class Variation:
    """One sample, without its layers, which are kept or drawn again. picture: (h, w, 3) uint8 of the faces
    with the edits of that time. grids: face id → its crop of the photo. differs: from what was varied, see
    `engine.layers.differences`."""

    number: int
    spec: ProposalSpec
    picture: U8
    grids: Mapping[str, Box]
    differs: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Taken:
    """A variation that was taken over others. path: of the photo; boxes: of its faces, if set by hand; face: id of the
    face they were drawn for, None for all; edits: which all were shown with; specs: of those shown; chosen: of them."""

    path: Path
    boxes: tuple[Box, ...] | None
    face: str | None
    edits: Edits
    specs: tuple[ProposalSpec, ...]
    chosen: int


def root(spec: ProposalSpec) -> ProposalSpec:
    """What a chain of variations began with."""
    while spec.anchor is not None:
        spec = spec.anchor
    return spec


class VariationsModel(QObject):
    """The grid and its settings. Sampling runs as the photo's own job, so it shows progress and can be cancelled."""

    changed = Signal()
    taken = Signal(object)
    """`Taken`: a choice that says something about taste, once it is the current result."""

    def __init__(self, photo: PhotoModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photo = photo
        self.exploration = 100 * EXPLORATION
        """0–100: 0 keeps close to the anchor, 100 is independent of it."""
        self.seed = 1
        self.anchor = Anchor.CURRENT
        self.found: tuple[Variation, ...] = ()
        self.picked: tuple[int, ...] = ()
        """Numbers of at most two variations, the last one picked last."""
        self.comparing = False
        self.previewed: int | None = None
        """Number of the one that is on the canvas in place of the current result."""
        self.last_picked: ProposalSpec | None = None
        """Of the open photo."""
        self._layers: OrderedDict[int, Layers] = OrderedDict()
        """By number; those shown last at the end."""
        self._marks: object = None
        """The person's own marks that the layers hold."""
        self._job: Job | None = None
        """Draws what is to be previewed."""
        self._edits: Edits = {}
        self._face: str | None = None
        photo.changed.connect(self._photo_changed)

    @property
    def ready(self) -> bool:
        return self.photo.stage is Stage.PROPOSED and not self.photo.busy

    def set(self, **values: Any) -> None:
        """Set exploration, seed or anchor."""
        if "exploration" in values:
            self.exploration = min(max(float(values["exploration"]), 0.0), 100.0)
        if "seed" in values:
            self.seed = min(max(int(values["seed"]), 0), MAX_SEED)
        if "anchor" in values:
            self.anchor = Anchor(values["anchor"])
        self.changed.emit()

    def shuffle(self) -> None:
        """Another seed."""
        self.set(seed=random.randrange(1, 10_000))

    def anchor_spec(self) -> ProposalSpec | None:
        """What the next variations are drawn around."""
        current = self.photo.document.proposal
        if current is None or self.anchor is Anchor.CURRENT:
            return current
        if self.anchor is Anchor.FIRST:
            return root(current)
        return self.last_picked or current

    def specs(self) -> tuple[ProposalSpec, ...]:
        """What is drawn next."""
        anchor = self.anchor_spec()
        if anchor is None:
            return ()
        return tuple(anchor.varied(self.seed + index, self.exploration / 100) for index in range(COUNT))

    def draw(self) -> None:
        """Draw a grid of variations."""
        photo, specs = self.photo, self.specs()
        session = photo.session
        if session is None or not specs or not self.ready:
            return
        engine, edits = photo.engine, dict(photo.edits)
        self._edits, self._face = edits, photo.selected
        box = _faces_box([face.grid.box for face in photo.faces if photo.selected in (None, face.id)])
        if self.comparing:
            self.compare(False)
        self.preview(None)
        self._forget()
        self._marks = own_marks(edits)
        self.changed.emit()

        def work(token: CancelToken, report: Report) -> list[tuple[Variation, Layers]]:
            from engine.layers.differences import differences

            policy, found = engine.policy(), []
            grids = {face.id: face.grid.box for face in session.faces}
            shown = self._face or max(session.faces, key=lambda face: face.width).id
            anchor = specs[0].anchor
            assert anchor is not None
            varied = session.draw(policy, anchor, token=token).layers[shown]
            for number, spec in enumerate(specs, 1):
                part = share(report, number - 1, len(specs))
                layers = _layers(session, session.draw(policy, spec, token=token, report=part))
                picture = _picture(engine.source(session.photo, layers), box, edits, token)
                differs = differences(layers[shown], varied, edits[shown])
                found.append((Variation(number, spec, picture, grids, differs), layers))
            return found

        def done(found: list[tuple[Variation, Layers]]) -> None:
            self.found = tuple(variation for variation, _ in found)
            for variation, layers in found:
                self._keep(variation.number, layers)
            self.changed.emit()

        photo.dismiss()
        photo.run_job(tr("Drawing variations"), work, done, lambda error: photo.fail(error, tr("Drawing variations")))

    def variation(self, number: int) -> Variation | None:
        return next((each for each in self.found if each.number == number), None)

    def preview(self, number: int | None) -> None:
        """Show one on the canvas in place of the current result, without taking it; None shows the result again."""
        self._stop()
        before, found = self.previewed, None if number is None else self.variation(number)
        self.previewed = found.number if found is not None and self.ready and not self.comparing else None
        if found is not None and self.previewed is not None:
            self._show(found)
        elif before is not None:
            self._show_result()
        if self.previewed != before:
            self.changed.emit()

    def _stop(self) -> None:
        """What is being drawn is not to be previewed any more."""
        if self._job is not None:
            self._job.token.cancel()
            self._job = None

    def pick(self, number: int) -> None:
        """Pick one, or let it go; of three the first goes."""
        found = self.variation(number)
        if found is None:
            return
        if number in self.picked:
            self.picked = tuple(each for each in self.picked if each != number)
        else:
            self.picked, self.last_picked = (*self.picked, number)[-2:], found.spec
        self._show_pair()
        self.changed.emit()

    def compare(self, on: bool) -> None:
        """Show the two picked ones on the canvas in place of before and after."""
        self.preview(None)
        before, self.comparing = self.comparing, on and len(self.picked) == 2 and self.ready
        if self.comparing or before:
            self._show_pair(ended=not self.comparing)
        self.changed.emit()

    def take(self, number: int) -> None:
        """Make one the current result; undo takes it back."""
        found = self.variation(number)
        if found is not None and self.ready:
            shown = [each for each in self.found if each.number in self.picked] if self.comparing else [*self.found]
            if self.comparing:
                self.compare(False)
            say: Callable[[], object] | None = None
            if found in shown and len(shown) > 1 and self.photo.path is not None:
                specs, boxes = tuple(each.spec for each in shown), self.photo.document.boxes
                taken = Taken(self.photo.path, boxes, self._face, self._edits, specs, shown.index(found))
                say = partial(self.taken.emit, taken)
            self.photo.take(found.spec, tr("Variation {number}", number=number), say)

    def _show_pair(self, *, ended: bool = False) -> None:
        photo, session = self.photo, self.photo.session
        if self.comparing and len(self.picked) == 2 and session is not None and not photo.busy:
            pair = [each for number in self.picked if (each := self.variation(number)) is not None]
            engine, kept = photo.engine, dict(self._kept())

            def work(token: CancelToken, report: Report) -> PairSource:
                drawn = [kept.get(each.number) or _drawn(engine, session, each.spec, token, report) for each in pair]
                return PairSource(*(engine.source(session.photo, layers) for layers in drawn))

            def done(source: PairSource) -> None:
                if self.comparing:
                    photo.frames.set_source(source, session.photo.size, same_photo=True)

            photo.run_job(tr("Drawing the pair"), work, done, lambda error: photo.fail(error, tr("Drawing the pair")))
        elif (self.comparing or ended) and photo.photo is not None and photo.stage is Stage.PROPOSED:
            self.comparing = False
            self._show_result()

    def _show(self, found: Variation) -> None:
        """Put one on the canvas, as soon as its layers are there."""
        photo, session, engine = self.photo, self.photo.session, self.photo.engine
        layers = self._kept().get(found.number)
        if session is None or photo.photo is None:
            return
        if layers is not None:
            self._layers.move_to_end(found.number)
            photo.show_layers(layers)
            return

        def done(layers: Layers) -> None:
            self._job = None
            self._keep(found.number, layers)
            self._show(found)

        work = lambda token, report: _drawn(engine, session, found.spec, token, report)  # noqa: E731
        doing = tr("Variation {number}", number=found.number)
        self._job = photo.runner.start(LANE, work, done, lambda error: photo.fail(error, doing))

    def _show_result(self) -> None:
        """Put the current result on the canvas."""
        if self.photo.stage is Stage.PROPOSED:
            self.photo.show_layers(self.photo.layers)

    def _kept(self) -> Mapping[int, Layers]:
        """Layers that are there, by number; none of before the person brushed another mark."""
        if self._marks != (marks := own_marks(self.photo.edits)):
            self._layers.clear()
            self._marks = marks
        return self._layers

    def _keep(self, number: int, layers: Layers) -> None:
        self._layers[number] = layers
        while len(self._layers) > 1 and sum(map(_size, self._layers.values())) > KEPT_BYTES:
            self._layers.popitem(last=False)

    def _forget(self) -> None:
        """Variations that are no more."""
        self._stop()
        self.found, self.picked, self.previewed = (), (), None
        self._layers.clear()

    def _photo_changed(self, change: Change) -> None:
        if Change.PHOTO in change or (Change.FACES in change and self.found and not self._fits()):
            self._forget()
            self.comparing, self.last_picked = False, None
            if self.anchor is Anchor.PICK:
                self.anchor = Anchor.CURRENT
            self.changed.emit()
        elif change & (Change.JOB | Change.PROPOSAL):
            if Change.PROPOSAL in change:  # and on the canvas
                self.previewed = None
            self.changed.emit()

    def _fits(self) -> bool:
        """Whether the variations are of the faces that are there now."""
        grids = {face.id: face.grid.box for face in self.photo.faces}
        return all(each.grids == grids for each in self.found)


class PairSource:
    """Two results as before and after."""

    proposed = True

    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = first, second

    def structure(self, edits: Edits, split: Split) -> object:
        return self._first.structure(edits, split)

    def drawn(self, request: Request, edits: Edits, split: Split = ()) -> None:
        return None

    def prepare(self, request: Request, edits: Edits, token: CancelToken, split: Split = ()) -> Stack:
        first = self._first.prepare(request, edits, token, split)
        return _PairStack(first.after(edits).copy(), self._second.prepare(request, edits, token, split))


class _PairStack:
    def __init__(self, before: U8, second: Stack) -> None:
        self.before, self._second = before, second

    def after(self, edits: Edits) -> U8:
        return self._second.after(edits)

    def presence(self, edits: Edits, layer: str | None) -> F32:
        return self._second.presence(edits, layer)


def _layers(session: RetouchSession, proposal: Proposal) -> Layers:
    return {face.id: session.with_own(face, proposal.layers[face.id]) for face in session.faces}


def _drawn(engine: Engine, session: RetouchSession, spec: ProposalSpec, token: CancelToken, report: Report) -> Layers:
    return _layers(session, session.draw(engine.policy(), spec, token=token, report=report))


def _size(layers: Layers) -> int:
    """In bytes, nearly."""
    return sum(delta.nbytes for each in layers.values() for delta in each.deltas.values())


def _picture(source: Any, box: Box, edits: Edits, token: CancelToken) -> U8:
    return np.array(source.prepare(Request.fitting(box, THUMB), edits, token).after(edits))


def _faces_box(boxes: Sequence[Box]) -> Box:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
