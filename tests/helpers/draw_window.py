"""The README's picture: the real window with a drawn sample of skin, no photograph.

`python -m tests.helpers.draw_window docs/window.png`, offscreen or on a screen. The marks are painted as for training;
where they are is told to the renderer, so the picture shows the window and the renderer and proves nothing of a policy.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from engine.imageio.colour import to_lab
from engine.imageio.light import encode, linearise
from engine.jobs import CancelToken, Report, silent
from engine.layers.build import build_layers
from engine.proposal import Proposal, ProposalSpec
from engine.session import RetouchSession
from engine.types import F32, Decision, FaceAnalysis, FaceEdits, Mark, MarkKind, RetouchLayers
from tests.helpers.fake_engine import FakeEngine
from tests.helpers.scenes import scene, smooth_noise
from trainer.pretrain.paint import paint

SIZE = (1400, 1000)
BOX = (100, 0, 1300, 1000)
FACE_WIDTH = 1000.0
WINDOW = (1440, 900)


def drawn() -> tuple[np.ndarray, FaceAnalysis, RetouchLayers]:
    """A picture (H, W, 3) uint8 of skin with marks, its made-up analysis, and layers that heal the temporary marks."""
    photo, face = scene(SIZE, BOX, FACE_WIDTH)
    rng = np.random.default_rng(6)
    skin = cv2.resize(face.regions["skin"], (BOX[2] - BOX[0], BOX[3] - BOX[1]))
    everywhere = np.zeros(SIZE[::-1], np.float32)
    everywhere[BOX[1] : BOX[3], BOX[0] : BOX[2]] = skin
    blotches = smooth_noise(rng, SIZE[::-1], 30)[..., None] * np.array([0.004, 0.009, 0.008], np.float32)
    bare = linearise(photo.pixels / np.float32(255))
    linear = np.clip(bare - blotches * everywhere[..., None], 0, 1).astype(np.float32)
    painted = paint(linear, everywhere, FACE_WIDTH, rng, severity=200)
    photo = replace(photo, pixels=np.rint(encode(painted.marked) * 255).astype(np.uint8))
    crop = (slice(BOX[1], BOX[3]), slice(BOX[0], BOX[2]))
    shape = face.grid.shape[::-1]
    labs = [
        to_lab(np.asarray(cv2.resize(encode(p)[crop], shape, interpolation=cv2.INTER_AREA), np.float32), None)
        for p in (painted.marked, painted.clean)
    ]
    face = replace(face, lab=labs[0])
    marks, masks = _ledger(face, painted.removable[crop], painted.keep[crop])
    even = cv2.GaussianBlur(labs[1], (0, 0), 25) - cv2.GaussianBlur(labs[1], (0, 0), 5)
    tone = np.asarray(even * np.array([0.0, 1, 1]) * 0.7 * face.regions["skin"][..., None], np.float32)
    return photo.pixels, face, build_layers(photo, face, {"tone": tone}, None, marks, labs[1], masks)


def _ledger(face: FaceAnalysis, removable: F32, keep: F32) -> tuple[tuple[Mark, ...], dict[str, F32]]:
    marks, masks = [], {}
    shape = face.grid.shape
    for plane, kind, decision in ((removable, MarkKind.BLEMISH, "remove"), (keep, MarkKind.MOLE, "keep")):
        small = cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_AREA)
        count, labels, stats, centres = cv2.connectedComponentsWithStats((small > 0.1).astype(np.uint8))
        for label in range(1, count):
            name = f"{decision}-{label}"
            centre = face.grid.to_source(np.asarray(centres[label : label + 1] + 0.5, np.float32))[0]
            radius = float(np.sqrt(stats[label, cv2.CC_STAT_AREA] / np.pi)) / face.grid.scale[0]
            position = (float(centre[0]), float(centre[1]))
            marks.append(Mark(name, position, radius, 8.0, kind, 0.9, Decision(decision)))
            grown = cv2.dilate((labels == label).astype(np.float32), np.ones((3, 3)))
            masks[name] = np.asarray(np.clip(cv2.GaussianBlur(grown, (0, 0), 1) * 1.2, 0, 1), np.float32)
    return tuple(marks), masks


class DrawnEngine(FakeEngine):
    """Opens the drawn picture with its analysis and layers."""

    def __init__(self, face: FaceAnalysis, layers: RetouchLayers) -> None:
        super().__init__()
        self.face, self.proposed = face, layers

    def open(self, path: Path) -> RetouchSession:
        engine = self

        class Session(RetouchSession):
            def analyse(self, boxes: Any = None) -> tuple[FaceAnalysis, ...]:
                self.faces, self.edits = (engine.face,), {engine.face.id: FaceEdits()}
                return self.faces

            def draw(
                self, policy: Any, spec: ProposalSpec, *, token: CancelToken | None = None, report: Report = silent
            ) -> Proposal:
                return Proposal(spec, {engine.face.id: engine.proposed})

        return Session(super().open(path).photo)


def main(target: Path) -> None:
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from app.viewmodels.photo import PhotoModel
    from app.viewmodels.state import Stage
    from app.views import theme
    from app.views.main_window import MainWindow

    application = QApplication([])
    theme.apply(application)
    pixels, face, layers = drawn()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn-skin.png"
        Image.fromarray(pixels).save(path)
        window = MainWindow(PhotoModel(DrawnEngine(face, layers)))
        window.resize(*WINDOW)
        window.show()
        window.photo.open(path)
        while window.photo.stage is not Stage.PROPOSED or window.photo.busy:
            QTest.qWait(20)
        QTest.qWait(200)
        while not window.photo.frames.settled:
            QTest.qWait(20)
        QTest.qWait(200)
        window.grab().save(str(target))
        window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
