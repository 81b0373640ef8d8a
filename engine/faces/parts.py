"""Where the parts of a face and its surroundings are expected, from landmarks alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.faces import topology
from engine.faces.grid import BELOW
from engine.faces.raster import polygon, ramp
from engine.types import F32

FADE: Final = 0.14
"""Over how much of W a retouch of the neck fades to the end of the grid, which would show as a line."""


@dataclass(frozen=True)
class Zones:
    """Soft (h, w) maps of where skin may be: the face with the whole forehead, the neck below it, the ears,
    and what is around the face without a seam to it (tall forehead, neck, ears)."""

    face: F32
    neck: F32
    ears: F32
    around: F32


def axes(points: F32) -> tuple[F32, F32]:
    """Unit vectors (right in the image along the eyes, down the face) of (478, 2) landmarks."""
    across = points[topology.LEFT_EYE_OUTER] - points[topology.RIGHT_EYE_OUTER]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    return across.astype(np.float32), np.array([-across[1], across[0]], np.float32)


def zones(points: F32, shape: tuple[int, int], unit: float) -> Zones:
    """Expected places of skin. points: (478, 2) in grid pixels; unit: W in grid pixels."""
    across, down = axes(points)
    oval = polygon(points[topology.OVAL], shape, unit / 90)
    high = polygon(tall_forehead(points, unit), shape, unit / 20)
    face = np.maximum(oval, high)
    jaw = points[topology.JAW_LINE]
    low = [jaw[-4] + down * 0.9 * unit, jaw[3] + down * 0.9 * unit]
    neck = polygon(np.array([jaw[3], jaw[-4], *low], np.float32), shape, unit / 40)  # reaches under the face
    y, x = np.ogrid[: shape[0], : shape[1]]
    below = ((x + 0.5 - points[topology.CHIN, 0]) * down[0] + (y + 0.5 - points[topology.CHIN, 1]) * down[1]) / unit
    neck *= ramp(below.astype(np.float32), BELOW - 0.03, BELOW - 0.03 - FADE)
    ears = np.zeros(shape, np.float32)
    for side, sign in ((topology.RIGHT_SIDE, -1), (topology.LEFT_SIDE, 1)):
        middle = points[side] + across * (sign * 0.055 * unit) + down * 0.07 * unit
        ear = _ellipse(middle, across * 0.1 * unit, down * 0.21 * unit, shape, unit)
        ears = np.maximum(ears, ear * _in_view(points, side))
    return Zones(oval, neck * (1 - face), ears * (1 - face), np.maximum.reduce([high, neck, ears]))


def _in_view(points: F32, side: int) -> float:
    """1 if the ear beside landmark `side` can be seen, falling to 0 when the head turns it away."""
    nose = points[topology.NOSE_BRIDGE]
    here, both = (
        np.linalg.norm(np.atleast_2d(points[s]) - nose, axis=1).sum()
        for s in (side, [topology.RIGHT_SIDE, topology.LEFT_SIDE])
    )
    return float(np.clip((here / max(float(both), 1e-6) - 0.22) / 0.12, 0, 1))


def _ellipse(centre: F32, a: F32, b: F32, shape: tuple[int, int], unit: float) -> F32:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)[:, None]
    return polygon((centre + np.cos(angle) * a + np.sin(angle) * b).astype(np.float32), shape, unit / 50)


def tall_forehead(points: F32, unit: float) -> F32:
    """The forehead from the temples to above the mesh, whose upper edge often lies below the hairline."""
    _, down = axes(points)
    arc = points[[162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389]]
    height = np.array([0.0, 0.10, 0.19, 0.26, 0.30, 0.33, 0.34, 0.33, 0.30, 0.26, 0.19, 0.10, 0.0], np.float32)[:, None]
    return np.concatenate([arc - down * (height * unit)]).astype(np.float32)


def core(points: F32, shape: tuple[int, int], unit: float) -> F32:
    """The middle of the face and the eyes' surroundings: a dark place there is rather shade than hair."""
    areas = (topology.CORE, topology.RIGHT_EYE_AREA, topology.LEFT_EYE_AREA)
    return np.maximum.reduce([polygon(points[area], shape, unit / 25) for area in areas])


def split(skin: F32, zones: Zones, points: F32, shape: tuple[int, int], unit: float) -> dict[str, F32]:
    """Divide `skin` into its parts; their sum is `skin`."""
    soft = unit / 50
    left = np.ones(shape, np.float32)
    out: dict[str, F32] = {}
    for name, rings in (
        ("under_eyes", (topology.RIGHT_UNDER_EYE, topology.LEFT_UNDER_EYE)),
        ("nose", (topology.NOSE,)),
        ("upper_lip", (topology.UPPER_LIP,)),
        ("chin", (topology.CHIN_AREA,)),
        ("jaw", (topology.RIGHT_JAW, topology.LEFT_JAW)),
    ):
        here = np.maximum.reduce([polygon(points[ring], shape, soft) for ring in rings]) * left
        out[name] = here
        left = left - here
    forehead = np.maximum(
        polygon(points[topology.FOREHEAD], shape, soft), polygon(tall_forehead(points, unit), shape, soft)
    )
    out["forehead"] = forehead * left
    left = left - out["forehead"]
    for name, zone in (("neck", zones.neck), ("ears", zones.ears)):
        out[name] = zone * left
        left = left - out[name]
    out["cheeks"] = left
    return {name: np.asarray(part * skin, np.float32) for name, part in out.items()}
