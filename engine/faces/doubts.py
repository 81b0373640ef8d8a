"""Faces in a photo that are probably not whom it shows: off until a person turns them on, with the reason.

A wrongly switched off person is worse than a retouched statue, so only what is sure counts: other prints and dolls in
natural colours look like people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from engine.faces import topology
from engine.faces.raster import blur, polygon
from engine.types import FaceAnalysis

MUCH_SMALLER = 0.25
"""Width relative to the widest face of the photo, below which a face is a passer-by or a picture on a wall."""

ONE_COLOUR, SKIN_COLOURS = 1.5, 2.2
"""Colour spreads: at most that of a face in one ink or stone, and at least that of a living one. 198 faces in colour
had 2.5 to 14 (under red and blue light 11), a sepia print and a black-and-white photo less than 0.1."""


def doubted(faces: Sequence[FaceAnalysis]) -> tuple[FaceAnalysis, ...]:
    """All faces of one photo, those with `doubt` that have any."""
    if len(faces) < 2:
        return tuple(faces)
    widest = max(face.width for face in faces)
    spreads = [colour_spread(face) for face in faces]
    in_colour = max(spreads) > SKIN_COLOURS
    return tuple(
        replace(face, doubt=_doubt(face.width, widest, one_colour=in_colour and spread < ONE_COLOUR))
        for face, spread in zip(faces, spreads, strict=True)
    )


def _doubt(width: float, widest: float, *, one_colour: bool) -> str:
    if one_colour:
        return "It has one colour only, as a print or a statue."
    if width < MUCH_SMALLER * widest:
        return f"It is much smaller than the largest ({width:.0f} and {widest:.0f} px)."
    return ""


def colour_spread(face: FaceAnalysis) -> float:
    """Standard deviation of a* and b* within the face's oval, apart from what follows from lightness.

    Lips, blood and light give living skin colours of its own; ink, stone and bronze have one colour per lightness.
    """
    lab = blur(face.lab, face.grid_width / 100)
    oval = polygon(face.grid.to_grid(face.landmarks)[topology.OVAL], face.grid.shape)
    size = max(1, face.grid.shape[1] // 4), max(1, face.grid.shape[0] // 4)
    small, inside = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (lab, oval))
    values = small[inside > 0.9]
    if len(values) < 50:
        return SKIN_COLOURS
    terms = np.vander((values[:, 0] - 50) / 30, 4)
    follows = terms @ np.linalg.lstsq(terms, values[:, 1:], rcond=None)[0]
    return float(np.hypot(*(values[:, 1:] - follows).std(0)))
