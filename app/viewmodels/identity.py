"""How far each face moves from the person: the distance of identity embeddings, measured on the picture. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.language import tr
from app.viewmodels.frames import U8, Request
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change, Edits, Stage
from engine.jobs import CancelToken, Report
from engine.types import F32, FaceAnalysis

LANE = "measure"
REST_MS = 700
"""Faces are measured when nothing was edited for so long."""
SIDE = 420
"""Long side of the picture that is measured, in pixels."""
DRIFT: Final = 0.3
"""From this distance on, people begin to see another person."""


class IdentityModel(QObject):
    """distances: face id → distance before and after, 0 for the same pixels; empty until measured."""

    changed = Signal()

    def __init__(self, photo: PhotoModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photo = photo
        self.distances: dict[str, float] = {}
        self._running = False
        self._layers: object = None
        self._small: Small | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.measure)
        photo.changed.connect(self._photo_changed)

    @property
    def words(self) -> str:
        """The result for the faces that are edited, in one line."""
        found = [self.distances[face] for face in self.photo.targets if face in self.distances]
        if not found:
            return ""
        worst = max(found)
        if worst < DRIFT:
            return tr("Measured drift {worst:.2f}, the same person", worst=worst)
        return tr("Measured drift {worst:.2f}, too far: lower some strengths", worst=worst)

    def measure(self) -> None:
        """Measure all faces as they are now."""
        photo = self.photo
        if photo.stage is not Stage.PROPOSED or photo.photo is None or self._running or photo.runner.closed:
            return
        if photo.busy:
            self._rest.start()
            return
        if self._layers is not photo.layers:
            self._layers, self._small = (
                photo.layers,
                Small(photo.engine.source(photo.photo, photo.layers), photo.engine.distance),
            )
        small = self._small
        assert small is not None
        faces, edits, document = photo.faces, dict(photo.edits), photo.document
        self._running = True

        def work(token: CancelToken, report: Report) -> dict[str, float]:
            return {face.id: small.distance(face, edits, token) for face in faces if face.embedding is not None}

        def done(found: dict[str, float]) -> None:
            self._running = False
            if photo.document is document:
                self.distances = found
                self.changed.emit()
            else:
                self._rest.start()

        def failed(_: Exception) -> None:
            self._running = False  # a number that cannot be had is left out

        photo.runner.start(LANE, work, done, failed)

    def _photo_changed(self, change: Change) -> None:
        if change & (Change.PHOTO | Change.EDITS | Change.PROPOSAL):
            if Change.PHOTO in change:
                self.distances = {}
                self.changed.emit()
            self._rest.start()


class Small:
    """Small pictures of faces, kept so that other strengths are quick.

    source: as `Engine.source` makes it. measure: as `Engine.distance`."""

    def __init__(self, source: Any, measure: Callable[[U8, U8, F32], float]) -> None:
        self._source, self._measure = source, measure
        self._stacks: dict[str, tuple[object, Any]] = {}

    def distance(self, face: FaceAnalysis, edits: Edits, token: CancelToken) -> float:
        """Of the face before and after, in [0, ∞); not for several threads at once."""
        box = face.grid.box
        request = Request.fitting(box, SIDE)
        built = self._source.structure(edits, ())
        if face.id not in self._stacks or self._stacks[face.id][0] != built:
            self._stacks[face.id] = built, self._source.prepare(request, edits, token)
        stack = self._stacks[face.id][1]
        places = (face.landmarks - np.array(box[:2])) * (np.array(request.size) / np.subtract(box[2:], box[:2]))
        before: U8 = np.ascontiguousarray(stack.before)
        after: U8 = np.ascontiguousarray(stack.after(edits))
        return self._measure(before, after, places.astype(np.float32))
