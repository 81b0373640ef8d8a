"""A finished picture of a face → the same layers that every policy proposes.

For policies that paint whole faces. The picture is registered to the source; of the difference only the bands that a
retoucher works in are taken, so the photo's own pores, its form and its geometry survive. Bands: see `bands`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from engine.imageio.colour import to_lab
from engine.layers.bands import BLOTCH_CUT, BUMP_CUT, Bands, band_split, gaussian
from engine.layers.build import build_layers
from engine.marks.find import MarkMasks, find_marks
from engine.types import F32, MARK_CLASSES, FaceAnalysis, Mark, MarkKind, Photo, RetouchLayers

MAX_SHIFT = 0.03
"""Greatest movement that registration undoes, as a share of W; beyond it the picture shows something else."""
MAX_SCALE = 0.03
"""Greatest change of scale or rotation (as a matrix entry) that registration undoes."""
MAX_TEXTURE = 1.15
"""Greatest gain on the photo's pores: more looks sharpened (methods: texture retention)."""
MARK_DROP = 4.0
"""Local contrast, in ΔE76, that must vanish for a spot to count as removed by the picture."""
MARK_MAX_RADIUS = 1 / 14
"""Larger changes are tone or light, not marks. Share of W."""
KEEP_RED = 0.25
"""Spots whose removal takes away a smaller share of redness than this look like moles and are proposed as kept."""
RED = 0.55
"""From this share of redness on they are blemishes, below it dark spots."""
FEATURE_LIMIT = 6.0
"""Greatest change of L* by the features layer."""


@dataclass(frozen=True)
class _Change:
    """What the picture changes on the grid: bands of the difference and of the source, and the soft skin mask."""

    bands: Bands
    source: Bands
    skin: F32


def layers_from_image(photo: Photo, face: FaceAnalysis, retouched_srgb: F32) -> RetouchLayers:
    """Layers that turn the photo's face towards a picture of it.

    Args:
        retouched_srgb: (h, w, 3) float32 on `face.grid`, sRGB-encoded, 0..1.

    Raises:
        ValueError: another shape, or values that are not numbers.
    """
    if retouched_srgb.shape != face.lab.shape:
        raise ValueError(f"A picture of shape {retouched_srgb.shape} does not fit the grid {face.lab.shape}.")
    if not np.isfinite(retouched_srgb).all():
        raise ValueError("The picture has values that are not numbers.")
    retouched = to_lab(np.clip(retouched_srgb, 0, 1).astype(np.float32), None)
    retouched = register(face.lab, retouched, face)
    skin = np.clip(face.regions["skin"], 0, 1)
    width = face.grid_width
    change = _Change(band_split(retouched - face.lab, width, skin), band_split(face.lab, width, skin), skin)
    marks, masks, marked = _removed_marks(face, change)
    healing = change.bands.bump + change.bands.blotch
    clean = (skin * (1 - marked)).astype(np.float32)
    deltas = _deltas(face, change, clean)
    healed = (face.lab + healing * marked[..., None]).astype(np.float32)
    return build_layers(photo, face, deltas, _texture_gain(face, change, clean), marks, healed, masks)


def register(source: F32, picture: F32, face: FaceAnalysis) -> F32:
    """`picture` (h, w, 3) moved onto `source` by a small affine map of its L*; as it is where none is found.

    Enhanced correlation coefficient on a small copy of the face, started from the phase correlation.
    Source: REFERENCES ecc.
    """
    parts = ("skin", "eyes", "brows", "lips")
    rows, columns = np.nonzero(np.max([face.regions[name] for name in parts], axis=0) > 0.2)
    if not rows.size:
        return picture
    x0, y0, x1, y1 = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    scale = min(1.0, 320 / max(x1 - x0, y1 - y0))
    size = max(8, round((x1 - x0) * scale)), max(8, round((y1 - y0) * scale))
    sigma = max(face.grid_width * scale / 120, 0.8)
    fixed, moving = (_luminance(lab[y0:y1, x0:x1], size, sigma) for lab in (source, picture))
    affine = _affine(fixed, moving, face.grid_width * scale)
    if affine is None:
        return picture
    ratio = np.array([size[0] / (x1 - x0), size[1] / (y1 - y0)])
    # Pixel centres lie at .5: x_small + .5 = ratio · (x − x0 + .5).
    to_small = np.diag([ratio[0], ratio[1], 1.0])
    to_small[:2, 2] = ratio * (0.5 - np.array([x0, y0])) - 0.5
    full = (np.linalg.inv(to_small) @ np.vstack([affine, [0, 0, 1]]) @ to_small)[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(picture, full, source.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _luminance(lab: F32, size: tuple[int, int], sigma: float) -> F32:
    small = cv2.resize(np.ascontiguousarray(lab[..., 0]), size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), sigma), np.float32)


def _affine(fixed: F32, moving: F32, width: float) -> npt.NDArray[np.float64] | None:
    """(2, 3) map from fixed to moving pixels, None if there is no plausible one that fits better than none."""
    if min(float(fixed.std()), float(moving.std())) < 0.1:  # nothing to hold on to
        return None
    window = cv2.createHanningWindow(fixed.shape[::-1], cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(fixed, moving, window)
    limit = MAX_SHIFT * width
    start = np.eye(2, 3, dtype=np.float32)
    if np.hypot(dx, dy) <= limit:
        start[:, 2] = dx, dy
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 200, 1e-7)
    try:
        fit, found = cv2.findTransformECC(fixed, moving, start, cv2.MOTION_AFFINE, criteria)
    except cv2.error:  # no texture, or no convergence
        return None
    warp = np.asarray(found, np.float64)
    centre = np.array([fixed.shape[1] / 2, fixed.shape[0] / 2, 1.0])
    moved = np.hypot(*(warp @ centre - centre[:2]))
    before = np.corrcoef(fixed.ravel(), moving.ravel())[0, 1]
    plausible = np.isfinite(warp).all() and moved <= limit and np.abs(warp[:, :2] - np.eye(2)).max() <= MAX_SCALE
    return warp if plausible and 1 - fit < 0.9 * (1 - before) else None


def _removed_marks(face: FaceAnalysis, change: _Change) -> tuple[tuple[Mark, ...], MarkMasks, F32]:
    """Spots on skin that stand out in the source and no longer in the picture; ledger, masks, their union (h, w)."""
    healing = change.bands.bump + change.bands.blotch
    own = change.source.bump + change.source.blotch
    drop = np.linalg.norm(own, axis=-1) - np.linalg.norm(own + healing, axis=-1)
    floor = max(MARK_DROP, 2.5 * float(np.percentile(drop[change.skin > 0.5], 75)) if (change.skin > 0.5).any() else 0)
    removed = np.clip(0.5 + (drop - floor) / floor, 0, 1).astype(np.float32)
    removed *= _small_parts(removed > 0.35, MARK_MAX_RADIUS * face.grid_width)
    smooth = gaussian(np.ascontiguousarray(healing), face.grid_width / 150)
    red = np.maximum(-smooth[..., 1], 0) / np.maximum(np.linalg.norm(smooth, axis=-1), 1e-6)
    classes = np.zeros((len(MARK_CLASSES), *removed.shape), np.float32)
    for kind, least, most in (
        (MarkKind.MOLE, -1, KEEP_RED),
        (MarkKind.DARK_SPOT, KEEP_RED, RED),
        (MarkKind.BLEMISH, RED, 2),
    ):
        classes[MARK_CLASSES.index(kind)] = np.where((red >= least) & (red < most), removed, 0)
    marks, masks = find_marks(face, healing, classes)
    return marks, masks, masks.soft


def _small_parts(seeds: npt.NDArray[np.bool_], radius: float) -> npt.NDArray[np.bool_]:
    """Connected parts of `seeds` whose area is at most that of a disc of `radius`."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(seeds.astype(np.uint8), connectivity=8)
    small = stats[:count, cv2.CC_STAT_AREA] <= np.pi * radius**2
    small[0] = False
    return np.asarray(small[labels])


def _deltas(face: FaceAnalysis, change: _Change, clean: F32) -> dict[str, F32]:
    """L*a*b* deltas (h, w, 3) by layer, masked: `clean` is skin outside marks."""
    luma, chroma = np.array([1, 0, 0], np.float32), np.array([0, 1, 1], np.float32)
    bands = change.bands
    under = np.clip(face.regions["under_eyes"], 0, 1)
    light = bands.blotch * luma * clean[..., None]
    features = np.max([face.regions[name] for name in ("eyes", "brows", "lips")], axis=0)
    features = np.clip(features * (1 - np.clip(face.regions["occluders"], 0, 1)), 0, 1)
    # Bands of skin do not reach into features: split those there by themselves.
    width = face.grid_width
    picture = _feature_band(bands, width)
    return {
        "smooth": bands.bump * luma * clean[..., None],
        "tone": (bands.bump + bands.blotch) * chroma * clean[..., None],
        "light": light * (1 - under[..., None]),
        "under_eye": light * under[..., None],
        "features": np.clip(picture, -FEATURE_LIMIT, FEATURE_LIMIT)[..., None] * luma * features[..., None],
    }


def _feature_band(bands: Bands, width: float) -> F32:
    """Change of L* (h, w) finer than blotches, of the whole picture."""
    whole = np.ascontiguousarray(sum(band[..., 0] for band in bands), np.float32)
    return whole - gaussian(whole, width * BUMP_CUT)


def _texture_gain(face: FaceAnalysis, change: _Change, clean: F32) -> F32:
    """(h, w) gain − 1 on the photo's pores, 0 … MAX_TEXTURE − 1, from the local strength of both pore bands.

    Never below 0: a picture that comes back through a smaller model space and a decoder has lost pores unmeant.
    """
    sigma = face.grid_width * BLOTCH_CUT
    before = change.source.pore[..., 0]
    after = before + change.bands.pore[..., 0]
    weight = clean + np.float32(1e-3)
    power_after, power_before = (gaussian(weight * band * band, sigma) for band in (after, before))
    ratio = np.sqrt((power_after + 1e-6) / (power_before + 1e-6))
    return ((np.clip(ratio, 1, MAX_TEXTURE) - 1) * clean).astype(np.float32)
