"""A real session whose faces and proposals are made up, so that the window is tested without any model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from app.viewmodels.engine import Engine
from app.viewmodels.photo import PhotoModel
from engine.errors import Cancelled, EngineError
from engine.jobs import CancelToken, Progress, Report, silent
from engine.pipeline import RetouchRequest, RetouchResult, Status, path_of
from engine.proposal import Proposal, ProposalSpec
from engine.session import RetouchSession
from engine.types import (
    LAYERS,
    Decision,
    FaceAnalysis,
    FaceGrid,
    HealPatch,
    Mark,
    MarkKind,
    RetouchLayers,
)

Step = Callable[[CancelToken, Report], None]
BRIGHTER = 0.1
"""What the "light" layer adds at 50, full scale 1. All other layers add nothing, so pixels can be predicted."""


def write_portrait(path: Path, size: tuple[int, int] = (211, 307)) -> Path:
    """A smooth picture of prime size, losslessly."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([90 + 60 * x / width, 80 + 50 * y / height, 100 + 0 * x], -1)
    Image.fromarray(np.rint(pixels).astype(np.uint8)).save(path)
    return path


def face_of(photo_size: tuple[int, int], index: int, count: int) -> FaceAnalysis:
    """Face `index` of `count` side by side."""
    width, height = photo_size
    step = width // count
    box = (index * step + 2, 10, (index + 1) * step - 2, height - 10)
    grid = FaceGrid(box, (64, 48))
    flat = np.zeros((64, 48), np.float32)
    return FaceAnalysis(
        id=f"face-{index}",
        box=box,
        landmarks=np.zeros((478, 2), np.float32),
        width=float(box[2] - box[0]),
        pose=(0.0, 0.0, 0.0),
        confidence=1.0,
        grid=grid,
        lab=np.zeros((64, 48, 3), np.float32),
        regions={"skin": flat, "under_eyes": flat, "neck": flat},
    )


def layers_of(face: FaceAnalysis) -> RetouchLayers:
    """A brighter inside, and two marks: a blemish that goes and a mole that stays."""
    h, w = face.grid.shape
    inside = np.zeros((h, w), np.float32)
    inside[8:-8, 8:-8] = 1
    deltas = {name: np.zeros((h, w, 3), np.float32) for name in LAYERS if name not in ("heal", "texture")}
    deltas["light"][8:-8, 8:-8] = BRIGHTER
    x0, y0, x1, y1 = face.box
    cx, cy = (x0 + x1) // 2, (y0 + y1) // 2
    marks = (
        Mark("blemish", (cx - 20.0, cy + 0.0), 4.0, 9.0, MarkKind.BLEMISH, 0.9, Decision.REMOVE),
        Mark("mole", (cx + 20.0, cy + 0.0), 4.0, 9.0, MarkKind.MOLE, 0.9, Decision.KEEP),
    )
    patches = tuple(
        HealPatch(
            mark.id,
            (int(mark.centre[0]) - 5, cy - 5, int(mark.centre[0]) + 5, cy + 5),
            np.full((10, 10, 3), -0.2, np.float16),
        )
        for mark in marks
    )
    return RetouchLayers(face.id, face.grid, face.width, deltas, None, inside, marks, patches)


class FakeSession(RetouchSession):
    """`count` made-up faces."""

    count = 1
    step: Step | None = None

    def analyse(self, boxes: Any = None) -> tuple[FaceAnalysis, ...]:
        from engine.types import FaceEdits

        self.boxes = None if boxes is None else tuple(boxes)
        self.faces = tuple(face_of(self.photo.size, index, self.count) for index in range(self.count))
        self.edits = {face.id: self.edits.get(face.id, FaceEdits.initial(face)) for face in self.faces}
        return self.faces

    def draw(
        self, policy: Any, spec: ProposalSpec, *, token: CancelToken | None = None, report: Report = silent
    ) -> Proposal:
        self.require_faces()
        if self.step is not None:
            self.step(token or CancelToken(), report)
        return Proposal(spec, {face.id: layers_of(face) for face in self.faces})


class FakeEngine(Engine):
    """Sessions of this module. step: runs inside each retouching job."""

    def __init__(self, faces: int = 1, step: Step | None = None) -> None:
        super().__init__()
        self.faces, self.step = faces, step

    def open(self, path: Path) -> RetouchSession:
        session = super().open(path)
        fake = FakeSession(session.photo)
        fake.count, fake.step = self.faces, self.step
        return fake

    def deliver(self, request: RetouchRequest, token: CancelToken, report: Report) -> RetouchResult:
        """As the pipeline, on made-up faces."""
        try:
            session = self.open(request.source)
            session.analyse()
            session.propose(self.policy(), token=token, report=report)
            if request.edits is not None:
                session.apply(request.edits)
            files = [path_of(session, each) for each in request.deliveries]
            for file, each in zip(files, request.deliveries, strict=True):
                file.parent.mkdir(parents=True, exist_ok=True)
                session.export(file, each.recipe, overwrite=request.overwrite)
        except Cancelled:
            return RetouchResult(request.source, Status.CANCELLED)
        except EngineError as error:
            return RetouchResult(request.source, Status.FAILED, error.message, error.hint, error.code)
        return RetouchResult(request.source, Status.DONE, outputs=tuple(files))

    def policy_for(self, name: str, version: str) -> Any:
        return self.policy()

    def meter(self, session: RetouchSession, face: FaceAnalysis) -> Callable[[], Any]:
        """Features that only the seed decides."""
        from trainer.reward.features import NAMES

        def measure() -> Any:
            assert session.proposal is not None
            return np.random.default_rng(session.proposal.spec.seed).normal(0, 0.1, len(NAMES)).astype(np.float32)

        return measure

    def policy(self) -> Any:
        info = SimpleNamespace(name="fake", version="1", licence="", steps=4, shift=1.0, device="cpu")
        return SimpleNamespace(info=info)


def endless(started: threading.Event) -> Step:
    """A step that only ends when it is cancelled."""

    def step(token: CancelToken, report: Report) -> None:
        started.set()
        fraction = 0.0
        while True:
            token.check()
            fraction = min(fraction + 0.01, 0.9)
            report(Progress("sample", fraction))
            threading.Event().wait(0.005)

    return step


def opened(qtbot: Any, model: PhotoModel, path: Path) -> None:
    """Open a photo and wait until its proposal is there."""
    from app.viewmodels.state import Stage

    model.open(path)
    qtbot.waitUntil(lambda: model.stage is Stage.PROPOSED and not model.busy, timeout=10_000)
