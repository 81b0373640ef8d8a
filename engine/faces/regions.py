"""Soft region masks of one face on its grid: what may be retouched as skin, and what must stay out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from operator import call
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from engine.device import side_by_side
from engine.faces import features, hair, models, occluders, parts, topology
from engine.faces.landmarks import Surroundings, roll_of
from engine.faces.raster import blur, guided, holes_in, polygon, ramp, spots_in, weighted_blur
from engine.faces.skin import SkinColour, fine_amplitude, fit_colour, grain_of, likeness, pale
from engine.types import F32, REGIONS, FaceAnalysis, FaceGrid

CONTEXT = 3.2
"""Side in face widths of the crop on which person and hands are looked for."""

CONTEXT_SIZE = 512


NOT_SKIN = ("hair", "facial_hair", "brows", "eyes", "lips", "nostrils", "occluders")
"""Where one of these is more likely than not, nothing is skin: retouching leaves it bit-identical."""

REDDER = 4.0
"""In a*: a spot that is so much redder than the skin around it is blood, not hair."""


class Segmenters:
    """Person segmenter and hand landmarker, open for as long as the faces of one photo need them."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.person: Any = stack.enter_context(models.person_segmenter())
            self.hands: Any = stack.enter_context(models.hand_landmarker())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def person_and_hands(
    around: Surroundings, landmarks: F32, width: float, grid: FaceGrid, segmenters: Segmenters
) -> tuple[F32, F32]:
    """(person, hands): probability of any person, and the area of hands, both (h, w) on the grid."""
    centre = landmarks[topology.OVAL].mean(0)
    crop, to_source = around.upright(centre, CONTEXT * width, roll_of(landmarks), CONTEXT_SIZE)
    image = models.image(crop)
    with models.quiet():
        confidence = segmenters.person.segment(image).confidence_masks[0].numpy_view()
        found = segmenters.hands.detect(image).hand_landmarks
    person = np.array(confidence, np.float32).reshape(crop.shape[:2])
    oval = (landmarks[topology.OVAL] - to_source[:, 2]) @ np.linalg.inv(to_source[:, :2].astype(np.float64)).T
    fingers = [np.array([[p.x, p.y] for p in hand], np.float32) * CONTEXT_SIZE for hand in found]
    hands = occluders.hand_mask([h for h in fingers if not occluders.is_face(h, oval)], crop.shape[:2])
    scale, origin = np.array(grid.scale, np.float64), np.array(grid.box[:2], np.float64)
    to_grid = np.column_stack([to_source[:, :2] * scale[:, None], (to_source[:, 2] - origin) * scale])
    to_grid[:, 2] += to_grid[:, :2] @ [0.5, 0.5] - 0.5
    size = grid.shape[1], grid.shape[0]
    person, hands = (
        np.asarray(
            cv2.warpAffine(m, to_grid, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )
        for m in (person, hands)
    )
    return person, hands


def masks(points: F32, unit: float, lab: F32, person: F32, hands: F32) -> dict[str, F32]:
    """All masks of `REGIONS` for one face, (h, w) float32 in [0, 1].

    points: landmarks in grid pixels. unit: W in grid pixels. lab: (h, w, 3). person, hands: as in `FaceAnalysis`.
    """
    shape = lab.shape[:2]
    light, rough = np.ascontiguousarray(lab[..., 0]), fine_amplitude(lab, unit)
    eyes, lashes = features.eyes(points, shape), features.lash_zone(points, shape, unit)
    mouth = np.maximum(features.lip_zone(points, shape, unit), features.mouth(points, shape, unit))
    colour = fit_colour(lab, rough, points, unit, (1 - np.maximum(lashes, mouth)) * (1 - hands))
    grain = grain_of(rough, colour)
    parted: dict[str, Callable[[], Any]] = {
        "zones": lambda: parts.zones(points, shape, unit),
        "eyes": lambda: eyes,
        "iris": lambda: features.iris(points, shape, eyes),
        "brows": lambda: features.brows(points, shape, unit, light),
        "lips": lambda: features.lips(points, shape, unit),
        "teeth": lambda: features.teeth(points, shape, unit, lab, colour),
        "nostrils": lambda: features.nostrils(points, shape, unit, light),
        "occluders": lambda: np.maximum(occluders.glasses(points, light, unit, lashes), hands),
        "facial_hair": lambda: hair.facial_hair(points, shape, unit, lab, grain, colour),
        "calm": lambda: _calm(lab, rough, colour, unit),
        "core": lambda: parts.core(points, shape, unit),
        "hairline": lambda: polygon(parts.tall_forehead(points, unit), shape, unit / 30),
    }
    out = dict(zip(parted, side_by_side(call, parted.values()), strict=True))
    blocked = np.maximum.reduce([lashes, mouth, out["brows"], out["nostrils"]])
    free = (1 - blocked) * (1 - out["occluders"])
    zones, core = out.pop("zones"), out["core"]
    prior = np.maximum(zones.face, 0.5 * zones.around) * free
    like = likeness(lab, grain, colour, prior, core, out["hairline"], unit)
    like = guided(like, light / np.float32(100), max(2, round(unit / 80)), 1e-3)
    like = ramp(like, 0.2, 0.8) * np.maximum(zones.face, zones.around * out["calm"])
    out["hair"] = hair.hair(points, shape, unit, person, like) * free * (1 - core)
    present = ramp(person, 0.2, 0.7)
    skin = like * free * (1 - out["facial_hair"]) * present
    around = weighted_blur(np.ascontiguousarray(lab[..., :2]), skin, unit / 12)
    redder = lab[..., 1] - around[..., 1] > REDDER
    possible = np.maximum(zones.face, zones.around) * free * present
    bare = _without(out, skin)
    marks = spots_in(bare, possible, redder & (zones.face > 0.5), unit)
    glossy = (light > around[..., 0]) & (out["facial_hair"] < 0.5)
    gloss = holes_in(bare, possible * np.maximum(zones.face, out["hairline"]), glossy)
    covered = np.maximum(marks, gloss)
    for name in ("hair", "facial_hair"):
        out[name] = out[name] * (1 - covered)
    out["skin"] = _without(out, np.maximum(skin, covered))
    out.update(parts.split(out["skin"], zones, points, shape, unit))
    return {name: np.ascontiguousarray(np.clip(out[name], 0, 1, out=out[name]), np.float32) for name in REGIONS}


class Masks(Mapping[str, F32]):
    """`masks`, made when one is first asked for: a policy gives a face finer ones before anybody looks."""

    def __init__(self, points: F32, unit: float, lab: F32, person: F32, hands: F32) -> None:
        self._seen: tuple[F32, float, F32, F32, F32] | None = (points, unit, lab, person, hands)
        self._made: dict[str, F32] = {}

    def __getitem__(self, name: str) -> F32:
        if (seen := self._seen) is not None:  # two threads may both make them; neither finds them half made
            self._made = masks(*seen)
            self._seen = None
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(REGIONS)

    def __len__(self) -> int:
        return len(REGIONS)


def with_masks(face: FaceAnalysis, lab: F32) -> FaceAnalysis:
    """The face with the masks of how it looks, (h, w, 3) L*a*b*; as it looks with its marks healed, a mark at the hair
    line, a brow or a nostril hides no skin. The same face where masks cannot be made."""
    if face.person is None or face.hands is None:
        return face
    points = face.grid.to_grid(face.landmarks)
    return replace(face, regions=Masks(points, face.grid_width, lab, face.person, face.hands))


def _without(out: dict[str, F32], skin: F32) -> F32:
    """Skin where nothing of `NOT_SKIN` is more likely."""
    return skin * ramp(np.maximum.reduce([out[name] for name in NOT_SKIN]), 0.5, 0.2)


def _calm(lab: F32, rough: F32, colour: SkinColour, unit: float) -> F32:
    """(h, w) in [0, 1]: neither hair nor cloth nor deep shade, as skin around a face must be."""
    calm = ramp(rough / colour.texture, 3.0, 1.7) * ramp(lab[..., 0] / colour.mean[0], 0.3, 0.5)
    return blur(calm * (1 - pale(lab, colour, unit)), unit / 80)
