"""How before and after are compared, and where the panes lie. View state only: no pixels, no edits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QObject, Signal

from app.language import tr
from app.viewmodels.actions import ACTIONS
from app.viewmodels.labels import BRUSH_TITLES
from app.viewmodels.overlays import Overlay
from app.viewmodels.viewport import Point, Size, Viewport
from engine.types import Box

GAP = 2
"""Device pixels between two panes."""


class Mode(StrEnum):
    """What the canvas shows: the result alone, a wipe, two panes beside or above each other."""

    AFTER = "after"
    WIPE = "wipe"
    SIDE = "side"
    STACKED = "stacked"


@dataclass(frozen=True)
class Pane:
    """A part of the canvas, in device pixels. side: "before", "after" or "wipe" (both)."""

    side: str
    x: int
    y: int
    size: Size

    def holds(self, point: Point) -> bool:
        return self.x <= point[0] < self.x + self.size[0] and self.y <= point[1] < self.y + self.size[1]

    def local(self, point: Point) -> Point:
        """Canvas position to pane position."""
        return point[0] - self.x, point[1] - self.y


class CompareModel(QObject):
    """Mode, divider, viewport and overlay of the canvas."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.mode = Mode.WIPE
        self.divider = 0.5
        """Place of the wipe's divider as a fraction of the canvas' width."""
        self.holding = False
        """Whether the original is held up in place of everything."""
        self.marks = False
        """Whether marks are outlined."""
        self.overlay = Overlay.NONE
        self.layer = "smooth"
        """The layer that the overlay of one layer shows."""
        self.names = (tr("Before"), tr("After"))
        """What the two sides are called."""
        self.loupe: Point | None = None
        """Where the loupe is, on the canvas; None while there is none."""
        self.viewport: Viewport | None = None
        self._seen: Viewport | None = None
        """How the photo before was looked at last."""
        self.canvas: Size = (1, 1)

    @property
    def signs(self) -> tuple[str, str]:
        """What is written on the two sides: their names, the second with the overlay that lies on it."""
        if self.overlay is Overlay.NONE:
            return self.names
        own = self.overlay is Overlay.LAYER
        title = BRUSH_TITLES[self.layer] if own else ACTIONS[f"overlay_{self.overlay}"].title
        return self.names[0], f"{self.names[1]} · {title}"

    @property
    def panes(self) -> tuple[Pane, ...]:
        """The panes of the present mode; all of one size."""
        width, height = self.canvas
        if self.holding and self.mode in (Mode.AFTER, Mode.WIPE):
            return (Pane("before", 0, 0, self.canvas),)
        if self.mode is Mode.SIDE:
            half = max((width - GAP) // 2, 1)
            return Pane("before", 0, 0, (half, height)), Pane("after", width - half, 0, (half, height))
        if self.mode is Mode.STACKED:
            half = max((height - GAP) // 2, 1)
            return Pane("before", 0, 0, (width, half)), Pane("after", 0, height - half, (width, half))
        return (Pane("after" if self.mode is Mode.AFTER else "wipe", 0, 0, self.canvas),)

    @property
    def pane_size(self) -> Size:
        return self.panes[0].size

    def pane_at(self, point: Point) -> Pane:
        """The pane under a canvas position, or the first."""
        return next((pane for pane in self.panes if pane.holds(point)), self.panes[0])

    def toggle(self, mode: Mode) -> None:
        """Switch to a mode, or from it to the plain result."""
        self.set_mode(Mode.AFTER if self.mode is mode else mode)

    def set_mode(self, mode: Mode) -> None:
        self.mode = mode
        self._relayout()

    def set_divider(self, fraction: float) -> None:
        self.divider = min(max(fraction, 0.0), 1.0)
        self.changed.emit()

    def hold(self, holding: bool) -> None:
        if holding != self.holding:
            self.holding = holding
            self.changed.emit()

    def show_marks(self, shown: bool) -> None:
        self.marks = shown
        self.changed.emit()

    def show_overlay(self, overlay: Overlay, layer: str | None = None) -> None:
        """Show an overlay, or take away the one that shows."""
        same = overlay is self.overlay and layer in (None, self.layer)
        self.overlay, self.layer = (Overlay.NONE if same else overlay), layer or self.layer
        self.changed.emit()

    def set_names(self, before: str, after: str) -> None:
        self.names = (before, after)
        self.changed.emit()

    def look(self, at: Point | None) -> None:
        """Move the loupe, or put it away."""
        if at != self.loupe:
            self.loupe = at
            self.changed.emit()

    def fill(self) -> None:
        """The pane filled, with the photo's middle in its middle."""
        if self.viewport is not None:
            photo, pane = self.viewport.photo, self.pane_size
            zoom = max(pane[0] / photo[0], pane[1] / photo[1])
            self._view(self.viewport.at(zoom, (photo[0] / 2, photo[1] / 2), pane))

    def to_box(self, box: Box) -> None:
        """A part of the photo, in source pixels, in most of the pane."""
        if self.viewport is not None:
            pane = self.pane_size
            zoom = 0.8 * min(pane[0] / max(box[2] - box[0], 1), pane[1] / max(box[3] - box[1], 1))
            centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            self._view(self.viewport.at(min(zoom, 4.0), centre, pane))

    def set_photo(self, size: Size | None) -> None:
        """Another photo."""
        self._seen = self.seen
        self.viewport = self.first_view(size) if size else None
        self.changed.emit()

    @property
    def seen(self) -> Viewport | None:
        """How the open photo is looked at, or the one before was."""
        return self.viewport or self._seen

    def expect(self, seen: Viewport | None) -> None:
        """The next photo is looked at like this; None for as a whole."""
        self.viewport, self._seen = None, seen

    def first_view(self, size: Size) -> Viewport:
        """How a photo of this size shows at first: as the one before, at its zoom and in the same place, or fitted."""
        seen, pane = self.seen, self.pane_size
        if seen is None or seen.fitted:
            return Viewport(size).fit(pane)
        x, y = (at / side * own for at, side, own in zip(seen.centre, seen.photo, size, strict=True))
        return Viewport(size).at(seen.zoom, (x, y), pane)

    def set_canvas(self, size: Size) -> None:
        self.canvas = (max(size[0], 1), max(size[1], 1))
        self._relayout()

    def zoom(self, factor: float, at: Point) -> None:
        """Zoom about a canvas position."""
        if self.viewport is not None:
            self._view(self.viewport.zoomed(self.viewport.zoom * factor, self.pane_at(at).local(at), self.pane_size))

    def zoom_to(self, zoom: float, at: Point | None = None) -> None:
        """An absolute zoom about a canvas position or the middle."""
        if self.viewport is not None:
            local = self.pane_at(at).local(at) if at else (self.pane_size[0] / 2, self.pane_size[1] / 2)
            self._view(self.viewport.zoomed(zoom, local, self.pane_size))

    def fit(self) -> None:
        if self.viewport is not None:
            self._view(self.viewport.fit(self.pane_size))

    def toggle_zoom(self, at: Point | None = None) -> None:
        """Between the whole photo and 100%."""
        if self.viewport is not None:
            if self.viewport.fitted:
                self.zoom_to(1.0, at)
            else:
                self.fit()

    def pan(self, dx: float, dy: float) -> None:
        if self.viewport is not None:
            self._view(self.viewport.panned(dx, dy, self.pane_size))

    def _view(self, viewport: Viewport) -> None:
        self.viewport = viewport
        self.changed.emit()

    def _relayout(self) -> None:
        if self.viewport is not None:
            self.viewport = self.viewport.resized(self.pane_size)
        self.changed.emit()
