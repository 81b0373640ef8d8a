"""What the mouse does on the picture: look around, heal, brush a layer, protect, set face boxes. No widgets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from app.language import tr
from app.viewmodels.photo import PhotoModel
from app.viewmodels.state import Change, Document, Stage
from app.viewmodels.viewport import Point
from engine.types import Box, Brushwork, FaceAnalysis

SMALLEST, LARGEST = 1 / 160, 1 / 4
"""Brush radii as shares of face width W at sizes 0 and 100."""
HANDLE = 0.12
"""Share of a face box's side, from each edge, that takes hold of the edge."""
LEAST_BOX = 16
"""Smallest side of a face box that is drawn, in source pixels."""


class Tool(StrEnum):
    """POINTER: pan, divider, marks."""

    POINTER = "pointer"
    HEAL = "heal"
    BRUSH = "brush"
    PROTECT = "protect"
    FACES = "faces"


class Effect(StrEnum):
    """What a brush stroke does."""

    MORE = "more"
    LESS = "less"
    ERASE = "erase"


TARGETS = {Effect.MORE: 255, Effect.LESS: 0, Effect.ERASE: Brushwork.NEUTRAL}


@dataclass
class Dragged:
    """A face box on its way. index: of the box, None for a new one. edges: which of x0, y0, x1, y1 follow the mouse."""

    index: int | None
    box: Box
    edges: tuple[bool, bool, bool, bool]
    start: Point


class ToolModel(QObject):
    """The tool, its settings, and the stroke or box that is being drawn."""

    changed = Signal()

    def __init__(self, photo: PhotoModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photo = photo
        self.tool = Tool.POINTER
        self.size = 30.0
        """0–100."""
        self.flow = 100.0
        """0–100: how far one stroke goes."""
        self.effect = Effect.MORE
        self.layer = "smooth"
        self.points: list[Point] = []
        """The stroke being drawn, in source pixels."""
        self.erasing = False
        """Whether the stroke being drawn takes away, because Alt was held."""
        self.dragged: Dragged | None = None
        self.chosen: int | None = None
        """The face box that Delete removes."""
        self._previewed = 0
        """How many points of the stroke are in the picture, or on their way into it."""
        photo.frames.changed.connect(self._preview)
        photo.changed.connect(self._photo_changed)

    def usable(self, tool: Tool) -> bool:
        """Whether the open photo is far enough: boxes can also be drawn where no face was found."""
        photo = self.photo
        marking = tool is Tool.FACES and photo.stage is Stage.OPEN and photo.faceless and not photo.busy
        return photo.stage is Stage.PROPOSED or marking

    @property
    def active(self) -> bool:
        return self.tool is not Tool.POINTER and self.usable(self.tool)

    @property
    def painting(self) -> bool:
        return self.active and self.tool is not Tool.FACES

    def choose(self, tool: Tool) -> None:
        """Take a tool; taken again, it is put away."""
        self.tool = Tool.POINTER if tool is self.tool else tool
        if self.points:
            self.photo.preview(None)
        self.points, self.dragged, self.chosen = [], None, None
        self.changed.emit()

    def put_away(self) -> None:
        """Whichever is in hand."""
        if self.tool is not Tool.POINTER:
            self.choose(self.tool)

    def set(self, **values: object) -> None:
        """Set size, flow, effect or layer."""
        for name, value in values.items():
            assert name in ("size", "flow", "effect", "layer")
            setattr(self, name, min(max(value, 0.0), 100.0) if isinstance(value, (int, float)) else value)
        self.changed.emit()

    @property
    def what(self) -> str:
        """What is painted: a layer or all."""
        return "all" if self.tool is Tool.PROTECT else self.layer

    # --- strokes ------------------------------------------------------------------------------------------------------

    def face_at(self, point: Point) -> FaceAnalysis | None:
        """The face that a stroke is for: of those it lies on or beside the selected one, or the nearest."""
        chosen = self.photo.selected
        around = [face for face in self.photo.faces if _holds(face.grid.box, point) and chosen in (None, face.id)]
        return min(around, key=lambda face: _distance(face.box, point), default=None)

    def _refusal(self, face: FaceAnalysis | None) -> str:
        """Why nothing can be painted here, if so."""
        if face is None:
            return tr("Only a face and the skin around it can be painted on; if several are there, the chosen one.")
        return "" if self.photo.edits_of(face.id).enabled else tr("The retouch of this face is off.")

    def radius(self, point: Point | None = None) -> float:
        """Of the brush, in source pixels."""
        face = (self.face_at(point) if point else None) or next(iter(self.photo.faces), None)
        share = SMALLEST * (LARGEST / SMALLEST) ** (self.size / 100)
        return max(share * (face.width if face else 200.0), 1.0)

    def begin(self, point: Point, *, erase: bool = False) -> None:
        """Start a stroke, or say why there can be none."""
        if not self.painting:
            return
        if refusal := self._refusal(self.face_at(point)):
            self.photo.say(refusal)
            return
        self.points, self.erasing, self._previewed = [point], erase, 0
        self._preview()
        self.changed.emit()

    def extend(self, point: Point) -> None:
        """Go on; points closer than a tenth of the radius say nothing new."""
        if self.points and _apart(self.points[-1], point) >= self.radius(self.points[0]) / 10:
            self.points.append(point)
            self._preview()
            self.changed.emit()

    def end(self) -> None:
        """Make the stroke an edit."""
        points, self.points = self.points, []
        face = self.face_at(points[0]) if points else None
        if face is not None and self.painting:
            radius = self.radius(points[0])
            if self.tool is Tool.HEAL:
                self.photo.add_mark(face.id, points, radius)
            else:
                self._paint(face, points, radius)
        self.changed.emit()

    def clear(self) -> None:
        """Take away what is painted on what the tool paints, of the faces that edits are for."""
        for face in self.photo.targets:
            if self.what in self.photo.edits_of(face).brushwork:
                self.photo.set_brushwork(face, self.what, None)

    def _paint(self, face: FaceAnalysis, points: list[Point], radius: float) -> None:
        self.photo.set_brushwork(face.id, self.what, self._painted(face, points, radius))

    def _preview(self) -> None:
        """Show the stroke's effect as far as it is drawn. The next picture is asked for when the last one is there."""
        photo, points = self.photo, self.points
        face = self.face_at(points[0]) if points else None
        if face is None or self.tool is Tool.HEAL or self._previewed == len(points) or not photo.frames.settled:
            return
        self._previewed = len(points)
        work, edits = self._painted(face, points, self.radius(points[0])), photo.edits_of(face.id)
        brushwork = {name: old for name, old in edits.brushwork.items() if name != self.what}
        if work is not None:
            brushwork[self.what] = work
        photo.preview(Document({**photo.edits, face.id: replace(edits, brushwork=brushwork)}))

    def _painted(self, face: FaceAnalysis, points: list[Point], radius: float) -> Brushwork | None:
        """What is painted on the face's layer with the stroke over it."""
        import numpy as np

        from engine.layers.areas import painted
        from engine.layers.brush import paint

        old = self.photo.edits_of(face.id).brushwork.get(self.what)
        values = np.full(face.grid.shape, Brushwork.NEUTRAL, np.uint8)
        if old is not None:
            values = np.rint(painted(old, face.grid) * Brushwork.NEUTRAL).clip(0, 255).astype(np.uint8)
        target = TARGETS[Effect.LESS if self.tool is Tool.PROTECT else self.effect]
        if self.erasing:
            target = TARGETS[Effect.ERASE]
        on_grid = face.grid.to_grid(np.asarray(points, np.float32))
        values = paint(values, on_grid, radius * face.grid.scale[0], target, self.flow / 100)
        return None if (values == Brushwork.NEUTRAL).all() else Brushwork.of(face.grid, values)

    # --- face boxes ---------------------------------------------------------------------------------------------------

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Boxes of all faces, the dragged one as it is now."""
        boxes = [face.box for face in self.photo.faces]
        if self.dragged is not None:
            if self.dragged.index is None:
                boxes.append(self.dragged.box)
            else:
                boxes[self.dragged.index] = self.dragged.box
        return tuple(boxes)

    def grab(self, point: Point) -> None:
        """Take hold of a box, of its edges, or of nothing: then a new one begins."""
        index = next((i for i, box in enumerate(self.boxes) if _holds(_grown(box), point)), None)
        self.chosen = index
        if index is None:
            x, y = round(point[0]), round(point[1])
            self.dragged = Dragged(None, (x, y, x, y), (False, False, True, True), point)
        else:
            box = self.boxes[index]
            edges = _edges(box, point)
            self.dragged = Dragged(index, box, edges if any(edges) else (True,) * 4, point)
        self.changed.emit()

    def drag(self, point: Point) -> None:
        """Move what was taken hold of."""
        held, photo = self.dragged, self.photo.photo
        if held is None or photo is None:
            return
        old = held.box if held.index is None else self.photo.faces[held.index].box
        if held.index is None:
            x, y = held.start
            box = (min(x, point[0]), min(y, point[1]), max(x, point[0]), max(y, point[1]))
        else:
            by = (point[0] - held.start[0], point[1] - held.start[1]) * 2
            moved = [old[i] + (by[i] if held.edges[i] else 0) for i in range(4)]
            box = (min(moved[0], moved[2]), min(moved[1], moved[3]), max(moved[0], moved[2]), max(moved[1], moved[3]))
        held.box = _inside(box, photo.size)
        self.changed.emit()

    def drop(self) -> None:
        """Let go: the faces in the boxes are looked for, if a box is another one now."""
        held, boxes = self.dragged, self.boxes
        self.dragged = None
        if held is not None and min(held.box[2] - held.box[0], held.box[3] - held.box[1]) >= LEAST_BOX:
            if held.index is None:
                self.photo.set_boxes(boxes, tr("Face added"))
            elif held.box != self.photo.faces[held.index].box:
                self.photo.set_boxes(boxes, tr("Face box moved"))
        self.changed.emit()

    def delete(self) -> None:
        """Remove the chosen face; the last one stays."""
        if self.chosen is not None and len(self.photo.faces) > 1:
            boxes = [box for i, box in enumerate(self.boxes) if i != self.chosen]
            self.chosen = None
            self.photo.set_boxes(boxes, tr("Face removed"))
            self.changed.emit()

    def _photo_changed(self, change: Change) -> None:
        if change & (Change.PHOTO | Change.FACES):
            self.points, self.dragged, self.chosen = [], None, None
            self.changed.emit()


def _holds(box: Box, point: Point) -> bool:
    return box[0] <= point[0] < box[2] and box[1] <= point[1] < box[3]


def _distance(box: Box, point: Point) -> float:
    return _apart(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), point)


def _apart(a: Point, b: Point) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def _grown(box: Box) -> Box:
    dx, dy = round((box[2] - box[0]) * HANDLE / 2), round((box[3] - box[1]) * HANDLE / 2)
    return box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy


def _edges(box: Box, point: Point) -> tuple[bool, bool, bool, bool]:
    x, y = (point[0] - box[0]) / (box[2] - box[0]), (point[1] - box[1]) / (box[3] - box[1])
    return x < HANDLE, y < HANDLE, x > 1 - HANDLE, y > 1 - HANDLE


def _inside(box: tuple[float, float, float, float], size: tuple[int, int]) -> Box:
    x0, x1 = (min(max(round(v), 0), size[0]) for v in (box[0], box[2]))
    y0, y1 = (min(max(round(v), 0), size[1]) for v in (box[1], box[3]))
    return x0, y0, x1, y1
