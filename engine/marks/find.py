"""From the heal network's maps to the mark ledger: one entry and one soft mask per mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from engine.layers.bands import BUMP_CUT, gaussian, masked_gaussian
from engine.marks.kinds import BROWN, KEPT, RED, judged, redness
from engine.types import F32, KEPT_BY_DEFAULT, MARK_CLASSES, Decision, FaceAnalysis, Mark, MarkKind

THRESHOLD = 0.55
"""Probability from which a pixel belongs to a mark."""
MIN_RADIUS = 1 / 450
"""Smallest mark, as a share of face width W: pores are below."""
SURE = 0.1
"""How much more likely a part of a spot is to stay than to go, on average, from which it is a mark of its own."""
SOLID = 1 / 300
"""Radius of the largest disc inside a part of a spot from which it is a mark of its own and no rim, as a share of W."""
MIN_CONTRAST = 1.0
"""ΔE76 below which a mark is left alone: nobody sees it at 100%."""
CLARITY = 1 / 180
"""Least radius of a mark, as a share of W, times its contrast over that of the skin's own bumps: what rough or stubbly
skin has everywhere is no mark. A disc stands out of noise in proportion to its radius."""
PORELESS = 115
"""Face width in pixels at which a pixel is as wide as a Gaussian of W/400: pores are averaged away."""

EDGE, SHADED, CLEAR = 4.0, 1.0, 3.5
"""Where the large shades change by more than `EDGE` times a mark's contrast over `ACROSS`, it lies on an edge of shade,
where light scattered in the skin looks red, and is none, unless its contrast is `CLEAR` (ΔE76). What would go and is no
redder than shade, as a dimple or the corner of a mouth, needs as much as `SHADED` says."""
COLOURLESS = 2.0
"""Chroma of the skin below which a photo has no colour that could tell blood from shade."""
BESIDE, FAINTER = 1 / 100, 0.5
"""Gap, as a share of W, and share of the contrast up to which a mark that is not mainly red belongs to one that stays:
around a spot that is left, its rim and its shade are left too."""
ACROSS = 1 / 60
"""Distance over which shades are compared, and σ that tells the large ones, as a share of W."""


@dataclass(frozen=True)
class MarkMasks(Mapping[str, F32]):
    """Soft masks (h, w) of marks on the grid, by mark id, made on demand from one label map; they sum to at most 1.

    labels: (h, w) int32, 0 or 1 + the mark's index; soft: (h, w) float32 in [0, 1].
    """

    ids: tuple[str, ...]
    labels: npt.NDArray[np.int32]
    soft: F32

    def __getitem__(self, key: str) -> F32:
        mask = np.zeros(self.labels.shape, np.float32)
        window, values = self.cut(key)
        mask[window] = values
        return mask

    def cut(self, key: str) -> tuple[tuple[slice, slice], F32]:
        """Where on the grid (rows, columns) a mark's mask is above 0, and its values there; empty if nowhere."""
        try:
            index = self.ids.index(key)
        except ValueError:
            raise KeyError(key) from None
        window = self._windows[index] if index < len(self._windows) else None
        if window is None:
            return (slice(0, 0), slice(0, 0)), np.zeros((0, 0), np.float32)
        return window, np.where(self.labels[window] == index + 1, self.soft[window], np.float32(0))

    @cached_property
    def _windows(self) -> list[tuple[slice, slice] | None]:
        return list(find_objects(self.labels))

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)


def find_marks(face: FaceAnalysis, change: F32, classes: F32) -> tuple[tuple[Mark, ...], MarkMasks]:
    """List the marks of a face.

    Args:
        face: its grid and regions.
        change: (h, w, 3) L*a*b* that would have to be added to heal every mark.
        classes: (K, h, w) probabilities in [0, 1] of the kinds of `MARK_CLASSES`.

    Returns:
        Marks in reading order, centres and radii in source pixels, and their masks on the grid.
    """
    width, scale = face.grid_width, face.grid.scale[0]
    skin = face.regions["skin"]
    found = likelihood(classes) * np.clip(skin * 2, 0, 1) > THRESHOLD
    staying = classes[KEPT].max(0) - classes[~KEPT].max(0)
    labels, count = _label(found, staying, max(width * SOLID, 1.5))
    scene = _Scene.of(face, change, classes)
    spots = [_Spot.of(labels, i, where, scene) for i, where in enumerate(find_objects(labels), 1) if where]
    spots = [spot for spot in _coloured(spots) if spot.is_mark(width, scene.bumps)]
    spots.sort(key=lambda spot: (int(spot.centre[1] // (width / 20)), spot.centre[0]))
    marks: list[Mark] = []
    order = np.zeros(count + 1, np.int32)
    for spot, kind in zip(spots, _kinds(spots, width), strict=True):
        centre = face.grid.to_source(np.array([spot.centre], np.float32))[0]
        marks.append(
            Mark(
                id=f"{face.id}/mark-{len(marks) + 1}",
                centre=(float(centre[0]), float(centre[1])),
                radius=spot.radius / scale,
                contrast=spot.contrast,
                kind=kind,
                confidence=float(spot.scores.max()),
                decision=Decision.KEEP if kind in KEPT_BY_DEFAULT else Decision.REMOVE,
            )
        )
        order[spot.label] = len(marks)
    return tuple(marks), _soft_masks(tuple(m.id for m in marks), order[labels], width, skin)


def _kinds(spots: Sequence[_Spot], width: float) -> list[MarkKind]:
    """The kind of each spot. width: W in grid pixels."""
    scores = np.array([spot.scores for spot in spots], np.float32).reshape(-1, len(MARK_CLASSES))
    scores = judged(scores, *_colours(spots))
    kinds = [MARK_CLASSES[int(row.argmax())] for row in scores]
    found = list(zip(spots, kinds, strict=True))
    staying = [(spot, kind) for spot, kind in found if kind in KEPT_BY_DEFAULT]
    for i, (spot, kind) in enumerate(found):
        if kind not in KEPT_BY_DEFAULT and spot.redness < RED:
            near = (k for s, k in staying if spot.contrast < FAINTER * s.contrast and spot.gap(s) < BESIDE * width)
            kinds[i] = next(near, kind)
    return kinds


def _coloured(spots: Sequence[_Spot]) -> list[_Spot]:
    """With their redness: as if they were blood where there is no colour."""
    change, skin = _colours(spots)
    red = np.where(np.hypot(skin[:, 1], skin[:, 2]) < COLOURLESS, RED, redness(change, skin))
    return [replace(spot, redness=float(value)) for spot, value in zip(spots, red, strict=True)]


def _colours(spots: Sequence[_Spot]) -> tuple[F32, F32]:
    """(N, 3) each: the spots' changes and the skin without them."""
    change, skin = (np.array([getattr(spot, name) for spot in spots], np.float32) for name in ("change", "skin"))
    return change.reshape(-1, 3), skin.reshape(-1, 3)


def likelihood(classes: F32) -> F32:
    """(h, w) in [0, 1], how likely there is a mark of any kind. classes: as in `find_marks`."""
    return np.asarray(1 - np.prod(1 - classes, axis=0), np.float32)


def _label(found: npt.NDArray[np.bool_], staying: F32, solid: float) -> tuple[npt.NDArray[np.int32], int]:
    """Number the spots, (h, w) from 1, and how many there are.

    A spot is one thing, whatever its rim looks like, unless a mark to keep and one to remove have grown together, such
    as a mole and acne beside it: then what is solid of either is a spot, and the rest belongs to the nearest.
    staying: (h, w) how much more likely a pixel is to stay than to go. solid: in pixels.
    """
    count, wholes = cv2.connectedComponents(found.astype(np.uint8), connectivity=4)
    stay, go = _solid(found & (staying > 0), staying, solid, SURE), _solid(found & (staying <= 0), staying, solid, -1)
    both = np.intersect1d(wholes[stay > 0], wholes[go > 0])
    mixed = np.isin(wholes, both) & found
    parts = np.where(mixed & (stay > 0), stay, np.where(mixed & (go > 0), go + stay.max(), 0))
    if not len(both):
        return np.asarray(wholes, np.int32), count - 1
    apart = np.where(mixed, _nearest(parts) + count, wholes)
    there = np.zeros(int(apart.max()) + 1, np.int32)
    there[apart] = 1
    there[0] = 0
    return np.where(apart > 0, np.cumsum(there, dtype=np.int32)[apart], 0).astype(np.int32), int(there.sum())


def _solid(mask: npt.NDArray[np.bool_], staying: F32, radius: float, least: float) -> npt.NDArray[np.int32]:
    """Numbers, (h, w) from 1, of the connected parts of a mask that hold a disc of this radius and in which `staying`
    is `least` on average; the others are 0."""
    plane = mask.astype(np.uint8)
    count, labels = cv2.connectedComponents(plane, connectivity=4)
    own = np.asarray(labels, np.int32)[mask]
    inscribed = np.zeros(count, np.float32)
    np.maximum.at(inscribed, own, cv2.distanceTransform(plane, cv2.DIST_L2, 5)[mask])
    mean = np.bincount(own, staying[mask], count) / np.maximum(np.bincount(own, minlength=count), 1)
    kept = (inscribed >= radius) & (mean >= least)
    kept[0] = False
    return np.where(kept[labels], labels, 0).astype(np.int32)


@dataclass(frozen=True)
class _Scene:
    """What all spots of a face are measured on. healed, change: (h, w, 3) L*a*b*; classes: (K, h, w); shades: (h, w),
    see `_shades`; bumps: see `bumps_of`."""

    healed: F32
    change: F32
    classes: F32
    shades: F32
    bumps: float

    @classmethod
    def of(cls, face: FaceAnalysis, change: F32, classes: F32) -> _Scene:
        width, healed = face.grid_width, np.ascontiguousarray(face.lab + change)
        shades = _shades(healed[..., 0], width * ACROSS)
        return cls(healed, change, classes, shades, bumps_of(healed, face.regions["skin"], width))


@dataclass(frozen=True)
class _Spot:
    """A connected spot. centre: (x, y), radius: of a disc of the same area, in grid pixels; skin: (3,) L*a*b* without
    it; change: (3,) its mean, contrast: its mean magnitude; shade: how much the large shades change there, in
    L* over `ACROSS`; scores: (K,) of the kinds, by how strong the change is; redness: given by
    `_coloured`, see `kinds.redness`."""

    label: int
    centre: tuple[float, float]
    radius: float
    skin: F32
    change: F32
    contrast: float
    shade: float
    scores: F32
    redness: float = 0.0

    @property
    def stays(self) -> bool:
        """Whether it is rather of a kind that stays, before its colour is judged."""
        return bool(self.scores[KEPT].max() > self.scores[~KEPT].max())

    def gap(self, other: _Spot) -> float:
        """Pixels between discs of the spots' areas, negative where they overlap."""
        apart = float(np.hypot(self.centre[0] - other.centre[0], self.centre[1] - other.centre[1]))
        return apart - self.radius - other.radius

    def is_mark(self, width: float, bumps: float) -> bool:
        """Whether it is one, where it lies. width: W in grid pixels; bumps: see `bumps_of`."""
        if self.radius < MIN_RADIUS * width:
            return False
        edge = EDGE if self.stays else float(np.interp(self.redness, (BROWN, RED), (SHADED, EDGE)))
        least = max(MIN_CONTRAST, min(self.shade / edge, CLEAR), CLARITY * bumps * width / self.radius)
        return bool(self.contrast >= least)

    @classmethod
    def of(cls, labels: npt.NDArray[np.int32], label: int, window: tuple[slice, slice], scene: _Scene) -> _Spot:
        inside = labels[window] == label
        y, x = np.nonzero(inside)
        own = scene.change[window][inside]
        strength = np.linalg.norm(own, axis=-1)
        weights = strength if strength.any() else None
        return cls(
            label,
            (float(x.mean()) + window[1].start + 0.5, float(y.mean()) + window[0].start + 0.5),
            float(np.sqrt(inside.sum() / np.pi)),
            scene.healed[window][inside].mean(0),
            own.mean(0),
            float(strength.mean()),
            float(scene.shades[window][inside].mean()),
            np.average(scene.classes[:, *window][:, inside], axis=1, weights=weights),
        )


def bumps_of(healed: F32, skin: F32, width: float) -> float:
    """Contrast of the bumps and fine lines that a face's skin has everywhere, ΔE76: their geometric mean, to which
    what stands out adds little. healed: (h, w, 3) L*a*b* with marks healed."""
    h, w = skin.shape
    size = max(1, round(w * PORELESS / width)), max(1, round(h * PORELESS / width))
    small, inside = (np.asarray(cv2.resize(x, size, interpolation=cv2.INTER_AREA), np.float32) for x in (healed, skin))
    energy = np.square(small - masked_gaussian(small, PORELESS * BUMP_CUT, inside)).sum(-1)
    return float(np.exp((0.5 * np.log(energy + 0.05) * inside).sum() / max(float(inside.sum()), 1.0)))


def _shades(light: F32, across: float) -> F32:
    """(h, w) how much the large shades change over `across` grid pixels, in L*. light: L* with marks healed."""
    form = gaussian(np.ascontiguousarray(light), across)
    right, down = cv2.Scharr(form, cv2.CV_32F, 1, 0), cv2.Scharr(form, cv2.CV_32F, 0, 1)
    return (np.hypot(right, down) * (across / 32)).astype(np.float32)


def _nearest(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """(h, w) the label above 0 that is nearest to each pixel; some are there."""
    _, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_pixel = np.zeros(int(nearest.max()) + 1, np.int32)
    of_pixel[nearest[labels > 0]] = labels[labels > 0]
    return np.asarray(of_pixel[nearest], np.int32)


def _soft_masks(ids: tuple[str, ...], labels: npt.NDArray[np.int32], width: float, skin: F32) -> MarkMasks:
    """Grow each mark by W/170 and feather it by W/350; where marks meet, each keeps its own side."""
    grow = int(np.ceil(width / 170)) + int(np.ceil(width / 130))
    inside = labels > 0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(np.ceil(width / 170)) + 1,) * 2)
    grown = cv2.dilate(inside.astype(np.float32), disc)
    soft = cv2.GaussianBlur(grown, (0, 0), max(width / 350, 0.7))
    near = cv2.dilate(inside.astype(np.uint8), np.ones((2 * grow + 1,) * 2, np.uint8)) > 0
    # Enlarged masks reach half a grid pixel further: they end one pixel inside the skin.
    soft = np.clip(soft * 1.02 - 0.02, 0, 1) * near * np.clip(cv2.erode(skin, np.ones((3, 3), np.uint8)) * 2, 0, 1)
    return MarkMasks(ids, np.where(soft > 0, _nearest(labels), 0).astype(np.int32), soft.astype(np.float32))
