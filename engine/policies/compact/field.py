"""The retouch field: how much of each layer goes where on the face, and the features it is sampled from.

A field is a smooth map (channel, y, x) over the face grid, one channel per layer of `engine.types.LAYERS`, held as
MODES × MODES cosine modes (DCT-II) per channel, divided by `SCALES` so that unit Gaussian noise is a plausible field:
global style and regional differences then differ between samples by amounts that a person sees, at every step count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from engine.device import side_by_side
from engine.faces import topology
from engine.faces.raster import ramp
from engine.layers.bands import PORE_CUT, gaussian
from engine.policies.compact.propose import unit_layers
from engine.types import F32, LAYERS, FaceAnalysis

MODES: Final = 4
CHANNELS: Final = len(LAYERS)

LIMITS: Final[dict[str, float]] = {
    "heal": 1.0,  # share of each mark's patch
    "smooth": 0.7,  # share of the bump band removed
    "tone": 0.9,  # share of the chroma blotches removed
    "light": 0.85,  # share of the luminance blotches removed
    "shine": 0.85,  # share of the specular excess removed
    "under_eye": 0.85,  # share of the under-eye darkness lifted
    "texture": 0.25,  # pore-band gain minus 1
    "features": 0.45,  # clarity of eyes, brows, lips
    "teeth": 0.55,  # share of the yellow removed
    "eye_whites": 0.4,
}
"""Greatest proposed amount of each channel; strength 100 doubles an amount, as far as `ceilings`."""
TAKEN: Final = ("smooth", "tone", "light", "shine", "under_eye")
"""Layers that take away a share of what is there, and so not more than all of it."""
CEILING_CELLS: Final = 4 * MODES
"""Cells along each side at which the greatest amount is looked for."""

MEANS: Final = np.array([1.05, 0.23, 0.31, 0.24, 0.25, 0.30, 0.05, 0.19, 0.11, 0.14], np.float32)
STDS: Final = np.array([0.05, 0.165, 0.21, 0.18, 0.205, 0.225, 0.04, 0.10, 0.14, 0.10], np.float32)
"""Mean and spread of the amounts in the training distribution; they only fix the latent's units."""


def _smoothness() -> F32:
    """(M, M): how fast modes fall with their frequency k, as 1/(1 + k²/2); 1 for the mean."""
    k = np.arange(MODES, dtype=np.float32)
    return np.asarray(1 / (1 + 0.5 * (k[:, None] ** 2 + k[None] ** 2)), np.float32)


def _scales() -> F32:
    """(C, M, M): spread of each mode of the field in amount units, `STDS` for the mean."""
    fall = REGIONAL * SMOOTHNESS**2
    fall[0, 0] = 1
    return np.asarray(STDS[:, None, None] * fall[None], np.float32)


REGIONAL: Final = np.float32(0.9)
"""Spread of regional modes, before their fall, as a share of the spread of the mean; measured on training data, where
they fall with `SMOOTHNESS` twice: as hands differ, and as the field is smoothed."""
SMOOTHNESS: Final = _smoothness()
SCALES: Final = _scales()


def cosine_basis(size: int) -> F32:
    """(size, MODES) cosine modes sampled at cell centres: cos(π k (i + ½) / size), so that mode 0 is 1."""
    i = np.arange(size, dtype=np.float32)[:, None] + 0.5
    return np.cos(np.pi * np.arange(MODES, dtype=np.float32)[None] * i / size).astype(np.float32)


def to_latent(modes: F32) -> F32:
    """Field modes (…, C, M, M) in amount units to the flow's latent."""
    centred = modes.copy()
    centred[..., 0, 0] -= MEANS
    return (centred / SCALES).astype(np.float32)


def to_modes(latent: F32) -> F32:
    """Inverse of `to_latent`."""
    modes = latent * SCALES
    modes[..., 0, 0] += MEANS
    return modes.astype(np.float32)


def amount(modes: F32, name: str, shape: tuple[int, int]) -> F32:
    """The amounts (h, w) of one layer, clipped to [0, limit]."""
    rows, columns = cosine_basis(shape[0]), cosine_basis(shape[1])
    values = rows @ modes[LAYERS.index(name)] @ columns.T
    return np.clip(values, 0, LIMITS[name], out=values)


def to_field(latent: F32, shape: tuple[int, int]) -> dict[str, F32]:
    """The amounts (h, w) of each layer, clipped to [0, limit]."""
    modes = to_modes(latent)
    return {name: amount(modes, name, shape) for name in LAYERS}


def ceilings(modes: F32) -> dict[str, float]:
    """Factors that bring a field's greatest amount of each layer of `TAKEN` to 1."""
    greatest = {name: float(amount(modes, name, (CEILING_CELLS, CEILING_CELLS)).max()) for name in TAKEN}
    return {name: 1 / max(value, 1e-6) for name, value in greatest.items()}


CELL_FEATURES: Final = ("pore", "smooth", "light", "tone", "shine", "skin")
"""Per cell: rms of the pore band of L*, what each layer would change at amount 1 (mean ΔE), and the share of skin."""
FACE_FEATURES: Final = (
    "lightness",
    "a",
    "b",
    "shine",
    "under_eye",
    "features",
    "teeth",
    "eye_whites",
    "teeth_area",
    "facial_hair",
    "child",
    "log_width",
)
"""Of the whole face: mean colour of the skin, mean ΔE of five layers at amount 1 in their regions, areas as shares of
W², `childlike`, and the logarithm of W in source pixels."""
FEATURE_WIDTH: Final = 256
"""Face width in pixels at which needs are measured; finer detail does not count."""
FEATURES: Final = len(CELL_FEATURES) * MODES * MODES + len(FACE_FEATURES)


def face_features(face: FaceAnalysis) -> F32:
    """(FEATURES,) what the face needs: `CELL_FEATURES` cell by cell, then `FACE_FEATURES`. Marks are not yet healed."""
    face = _reduced(face)
    regions, lab = face.regions, face.lab
    units = unit_layers(face, lab)
    skin = regions["skin"] + np.float32(1e-6)
    lightness = np.ascontiguousarray(lab[..., 0])
    pore = lightness - gaussian(lightness, face.grid_width * PORE_CUT)
    cells = [np.sqrt(_pool(pore**2, skin))]
    cells += [_pool(_size(units[name]), skin) for name in CELL_FEATURES[1:-1]]
    cells.append(np.asarray(cv2.resize(regions["skin"], (MODES, MODES), interpolation=cv2.INTER_AREA), np.float32))
    where = {
        "shine": skin,
        "under_eye": regions["under_eyes"],
        "features": np.maximum.reduce([regions["eyes"], regions["brows"], regions["lips"]]),
        "teeth": regions["teeth"],
        "eye_whites": np.clip(regions["eyes"] - regions["iris"], 0, 1),
    }
    area = float(face.grid_width) ** 2
    whole = {
        **{name: _mean(lab[..., c], skin) for c, name in enumerate(("lightness", "a", "b"))},
        **{name: _mean(_size(units[name]), region) for name, region in where.items()},
        "teeth_area": 100 * float(regions["teeth"].sum()) / area,
        "facial_hair": 10 * float(regions["facial_hair"].sum()) / area,
        "child": childlike(face.landmarks),
        "log_width": float(np.log(max(face.width, 1.0))),
    }
    return np.concatenate([np.ravel(cells), [whole[name] for name in FACE_FEATURES]]).astype(np.float32)


def split_features(features: F32) -> tuple[dict[str, F32], dict[str, F32]]:
    """`face_features` (…, FEATURES) by name: cells (…, M, M), and values of the whole face (…)."""
    count = len(CELL_FEATURES) * MODES * MODES
    cells = features[..., :count].reshape(*features.shape[:-1], len(CELL_FEATURES), MODES, MODES)
    return (
        {name: cells[..., i, :, :] for i, name in enumerate(CELL_FEATURES)},
        {name: features[..., count + i] for i, name in enumerate(FACE_FEATURES)},
    )


def childlike(landmarks: F32) -> float:
    """In [0, 1], how childlike the proportions are: irises hardly grow after the second year, faces do.

    Iris diameter to distance of eyes and chin: 0.096–0.123 on 38 adults, 0.134 and more on children of up to ten.
    """
    diameter = max(
        float(np.linalg.norm(landmarks[ring[1]] - landmarks[ring[3]]))
        for ring in (topology.RIGHT_IRIS, topology.LEFT_IRIS)
    )
    eyes = (landmarks[topology.RIGHT_EYE_OUTER] + landmarks[topology.LEFT_EYE_OUTER]) / 2
    below = float(np.linalg.norm(landmarks[topology.CHIN] - eyes))
    return float(ramp(np.array(diameter / max(below, 1e-6), np.float32), 0.124, 0.138))


def _reduced(face: FaceAnalysis) -> FaceAnalysis:
    """The face on a grid on which it is `FEATURE_WIDTH` wide, or as it is if it is smaller."""
    scale = FEATURE_WIDTH / face.grid_width
    if scale >= 1:
        return face
    h, w = (max(1, round(side * scale)) for side in face.grid.shape)
    planes = {"": face.lab, **face.regions}
    small = side_by_side(lambda plane: cv2.resize(plane, (w, h), interpolation=cv2.INTER_AREA), planes.values())
    regions = {name: np.asarray(plane, np.float32) for name, plane in zip(planes, small, strict=True)}
    lab = regions.pop("")
    return replace(face, grid=replace(face.grid, shape=(h, w)), lab=lab, regions=regions)


def _pool(plane: F32, weight: F32) -> F32:
    """Weighted means over MODES × MODES cells; empty cells take the whole face's mean."""
    total = cv2.resize(plane * weight, (MODES, MODES), interpolation=cv2.INTER_AREA)
    area = cv2.resize(weight, (MODES, MODES), interpolation=cv2.INTER_AREA)
    return np.where(area > 0.02, total / np.maximum(area, 0.02), _mean(plane, weight)).astype(np.float32)


def _mean(plane: F32, weight: F32) -> float:
    """Weighted mean; 0 where there is no weight."""
    total = float(weight.sum(dtype=np.float64))
    return float((plane * weight).sum(dtype=np.float64)) / total if total > 4 else 0.0


def _size(delta: F32) -> F32:
    """ΔE76 of an L*a*b* difference."""
    light, a, b = cv2.split(delta)
    return np.sqrt(light**2 + a**2 + b**2)
