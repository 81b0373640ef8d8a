"""Where the photo lies in a pane: pure geometry between *source* and *view*.

View positions are device pixels from a pane's upper left corner; zoom is device pixels per source pixel, 1 is "100%".
All panes of a comparison share one `Viewport`: `centre` is the source position in the middle of every pane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.types import Box

Point = tuple[float, float]
Size = tuple[int, int]

MAX_ZOOM = 16.0
SMALLEST_SIDE = 48
"""A photo is never shown smaller than this many device pixels on its long side."""
MARGIN = 16
"""Device pixels kept free around a fitted photo."""


@dataclass(frozen=True)
class Viewport:
    """photo: (width, height) in source pixels. centre: source position. fitted: follows the pane's size."""

    photo: Size
    zoom: float = 1.0
    centre: Point = (0.0, 0.0)
    fitted: bool = True

    def fit(self, pane: Size) -> Viewport:
        """The whole photo, centred; small photos are not enlarged."""
        width, height = self.photo
        zoom = min((pane[0] - 2 * MARGIN) / width, (pane[1] - 2 * MARGIN) / height, 1.0)
        return Viewport(self.photo, max(zoom, SMALLEST_SIDE / max(self.photo)), (width / 2, height / 2), True)

    def resized(self, pane: Size) -> Viewport:
        """The same view in a pane of another size."""
        return self.fit(pane) if self.fitted else self._kept(pane)

    def zoomed(self, zoom: float, at: Point, pane: Size) -> Viewport:
        """Another zoom, with the source position under `at` staying there."""
        smallest = min(SMALLEST_SIDE / max(self.photo), 1.0)
        zoom = min(max(zoom, smallest), MAX_ZOOM)
        x, y = self.to_source(at, pane)
        centre = (x - (at[0] - pane[0] / 2) / zoom, y - (at[1] - pane[1] / 2) / zoom)
        return replace(self, zoom=zoom, centre=centre, fitted=False)._kept(pane)

    def at(self, zoom: float, centre: Point, pane: Size) -> Viewport:
        """This zoom with a source position in the middle."""
        smallest = min(SMALLEST_SIDE / max(self.photo), 1.0)
        return replace(self, zoom=min(max(zoom, smallest), MAX_ZOOM), centre=centre, fitted=False)._kept(pane)

    def panned(self, dx: float, dy: float, pane: Size) -> Viewport:
        """The photo moved by (dx, dy) device pixels."""
        centre = (self.centre[0] - dx / self.zoom, self.centre[1] - dy / self.zoom)
        return replace(self, centre=centre, fitted=False)._kept(pane)

    def to_view(self, point: Point, pane: Size) -> Point:
        """Source to view."""
        return (
            (point[0] - self.centre[0]) * self.zoom + pane[0] / 2,
            (point[1] - self.centre[1]) * self.zoom + pane[1] / 2,
        )

    def to_source(self, point: Point, pane: Size) -> Point:
        """View to source."""
        return (
            (point[0] - pane[0] / 2) / self.zoom + self.centre[0],
            (point[1] - pane[1] / 2) / self.zoom + self.centre[1],
        )

    def visible(self, pane: Size) -> Box:
        """The source pixels that touch the pane; at least one."""
        x0, y0 = self.to_source((0, 0), pane)
        x1, y1 = self.to_source(pane, pane)
        left, right = _range(x0, x1, self.photo[0])
        top, bottom = _range(y0, y1, self.photo[1])
        return left, top, right, bottom

    def _kept(self, pane: Size) -> Viewport:
        """Centre such that no more empty space than needed shows, and that pixels fall on pixels at 100%."""
        centre = tuple(
            _inside(self.centre[axis], self.photo[axis], pane[axis] / self.zoom, MARGIN / self.zoom) for axis in (0, 1)
        )
        if self.zoom >= 1:
            # Pixel edges of the source fall on pixel edges of the pane.
            halves = (pane[0] / 2, pane[1] / 2)
            centre = tuple((round(c * self.zoom - h) + h) / self.zoom for c, h in zip(centre, halves, strict=True))
        return replace(self, centre=(centre[0], centre[1]))


def _range(low: float, high: float, size: int) -> tuple[int, int]:
    first = min(max(math.floor(low), 0), size - 1)
    return first, min(max(math.ceil(high), first + 1), size)


def _inside(centre: float, size: int, shown: float, margin: float) -> float:
    """A photo smaller than the pane is centred; a larger one may be pulled in by `margin` at most."""
    if shown >= size + 2 * margin:
        return size / 2
    return min(max(centre, shown / 2 - margin), size - shown / 2 + margin)
