"""What one portrait tells of retouchers: marks painted on it or taken from others, and the portrait as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np

from engine.evaluation import classical
from engine.evaluation.run import OURS
from engine.imageio.colour import converted, from_lab, to_lab
from engine.imageio.light import encode, linearise
from engine.layers.bands import masked_gaussian
from engine.metrics.crop import lab_on, measuring_grid
from engine.metrics.dimensions import measure_pair
from engine.metrics.geometry import landmark_drift
from engine.metrics.skin import ita_group
from engine.metrics.spots import find_spots
from engine.metrics.texture import texture_retention
from engine.policies.base import Policy
from engine.session import RetouchSession
from engine.types import F32, MARK_CLASSES, Decision, FaceAnalysis, MarkKind, Photo, Pixels
from trainer.pretrain.lab_paint import paint_lab
from trainer.pretrain.paint import paint
from trainer.pretrain.transplant import Cut, transplant

SEVERITY = 120.0
"""Removable marks per W² of skin that both generators paint."""
FEW_SPOTS = 3
"""Spots up to which a face counts as clean."""
FEATHER = 1
"""Code values by which pixels outside the skin may change."""

Results = Mapping[str, Pixels]


@dataclass(frozen=True)
class Trial:
    """Values of one portrait by one retoucher: row of the table → value; group: of skin colour. weights: row → contrast
    of the marks that its value tells of, by which it counts beside the portrait's other paintings; 1 if not named."""

    portrait: str
    method: str
    group: str
    values: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Marked:
    """The same face with all marks, with those to keep and with none, as L*a*b* of the whole photo; masks (H, W) of the
    marks to remove, of moles and freckles, and of scars."""

    marked: F32
    kept: F32
    clean: F32
    removable: F32
    features: F32
    scars: F32

    @property
    def keep(self) -> F32:
        """(H, W) of all that stays."""
        return np.maximum(self.features, self.scars)


def _first(photo: Photo, skin: F32, width: float, rng: np.random.Generator) -> _Marked:
    """The generator that the heal network learns from."""
    painted = paint(linearise(converted(photo.pixels, photo.icc, None)), skin, width, rng, severity=SEVERITY)
    marked, kept, clean = (to_lab(encode(linear), None) for linear in (painted.marked, painted.kept, painted.clean))
    features = np.maximum(*(painted.classes[MARK_CLASSES.index(k)] for k in (MarkKind.MOLE, MarkKind.FRECKLE)))
    scars = painted.classes[MARK_CLASSES.index(MarkKind.SCAR)]
    return _Marked(marked, kept, clean, painted.removable, features, scars)


def _second(photo: Photo, skin: F32, width: float, rng: np.random.Generator) -> _Marked:
    """The generator that nothing learns from."""
    p = paint_lab(to_lab(photo.pixels, photo.icc), skin, width, rng, severity=SEVERITY)
    return _Marked(p.marked, p.kept, p.clean, p.removable, p.keep, np.zeros_like(p.keep))


Generator = Callable[[Photo, F32, float, np.random.Generator], _Marked]
GENERATORS: dict[str, Generator] = {"first": _first, "second": _second}
TRANSPLANTED: Final = "third"
"""Name of the generator that sets real marks into other people's skin, see `transplanting`."""


def transplanting(cuts: Sequence[Cut]) -> Generator:
    """A generator of real marks, cut from photographs."""

    def third(photo: Photo, skin: F32, width: float, rng: np.random.Generator) -> _Marked:
        linear = linearise(converted(photo.pixels, photo.icc, None))
        p = transplant(linear, skin, width, cuts, rng)
        marked, kept, clean = (to_lab(encode(each), None) for each in (p.marked, p.kept, linear))
        return _Marked(marked, kept, clean, p.removable, p.keep, np.zeros_like(p.keep))

    return third


def retouched(photo: Photo, policy: Policy, with_classical: bool) -> tuple[RetouchSession, Results]:
    """The photo by our policy and, if wanted, by the classical tools; nothing where no face is found."""
    session = RetouchSession(photo)
    session.analyse()
    if not session.faces:
        return session, {}
    session.propose(policy)
    methods = classical.METHODS if with_classical else ()
    others = {method: classical.retouch(photo, session.faces, method) for method in methods}
    return session, {OURS: session.render(), **others}


def as_it_is(name: str, photo: Photo, policy: Policy, with_classical: bool) -> list[Trial]:
    """A portrait without painted marks: change of clean skin, of what is no skin, and of the landmarks."""
    session, results = retouched(photo, policy, with_classical)
    if len(session.faces) != 1:
        return []
    face = session.faces[0]
    grid = measuring_grid(face)
    before = lab_on(photo, grid)
    spots = [spot for spot in find_spots(face, before, grid) if spot.decision is Decision.REMOVE]
    outside = _on_photo(face, photo) <= 0
    trials = []
    drifts = landmark_drift(photo, list(results.values()), face)
    for (method, pixels), drift in zip(results.items(), drifts, strict=True):
        measured = measure_pair(face, before, lab_on(photo, grid, pixels), spots, grid=grid)
        change = np.abs(pixels.astype(np.int32) - photo.pixels).max(-1)
        off_skin = change[outside]
        values = {
            "texture of untouched portraits": measured.pore_retention,
            "change outside skin, codes": float(off_skin.max(initial=0)),
            "change outside skin, share above the feather": float((off_skin > FEATHER).mean()),
            "landmark drift": drift,
        }
        if len(spots) <= FEW_SPOTS:
            values["clean skin, CIEDE2000"] = measured.tone_change
        trials.append(Trial(name, method, ita_group(measured.typology_angle), values))
    return trials


def painted(
    name: str,
    photo: Photo,
    face: FaceAnalysis,
    group: str,
    generator: tuple[str, Generator],
    policy: Policy,
    seed: int,
    with_classical: bool,
) -> list[Trial]:
    """A portrait with marks painted at source resolution: contrast removed and kept, texture of the skin between.
    generator: its name in the rows' names, and what paints.

    A portrait's marks closed too far, on the whole, count as much as marks that are left.
    """
    skin = _on_photo(face, photo)
    called, paint_marks = generator
    made = paint_marks(photo, skin, face.width, np.random.default_rng(seed))
    full = np.iinfo(photo.pixels.dtype).max
    pixels = np.rint(np.clip(from_lab(made.marked, photo.icc), 0, 1) * full).astype(photo.pixels.dtype)
    marked_photo = replace(photo, pixels=pixels)
    _, results = retouched(marked_photo, policy, with_classical)
    quiet = skin * (made.removable < 0.02) * (made.keep < 0.02)
    trials = []
    for method, result in results.items():
        after = to_lab(result, photo.icc)
        values = {f"texture, {called} generator": texture_retention(made.marked, after, quiet, face.width)}
        scene = quiet, face.width
        alone = made.removable < 0.05
        shares = {
            "removed": share(after, made.kept, made.marked, made.removable * (made.keep < 0.1), *scene),
            "kept": share(after, made.clean, made.kept, made.features * (alone & (made.scars < 0.05)), *scene),
            "scars kept": share(after, made.clean, made.kept, made.scars * (alone & (made.features < 0.05)), *scene),
        }
        weights = {}
        for what, (left, contrast) in shares.items():
            if contrast > 0:
                row = f"{what}, {called} generator"
                values[row], weights[row] = 1 - abs(left) if what == "removed" else left, contrast
        trials.append(Trial(name, method, group, values, weights))
    return trials


def share(after: F32, clean: F32, marked: F32, mask: F32, quiet: F32, width: float) -> tuple[float, float]:
    """Share of the marks' contrast still in `after`, by least squares inside the mask, and their contrast, the sum of
    squared ΔE76; 0 and 0 where no mark is to be seen.

    Contrast is against the skin around: what a retouch changes there as well, such as its light, is taken off. clean,
    marked: the face without and with the marks, (H, W, 3) L*a*b*; mask, quiet: (H, W) of the marks and of skin without
    any; width: W in pixels.
    """
    weight = mask[..., None] * (mask[..., None] > 0.3)
    change = (marked - clean).astype(np.float64) * weight
    contrast = float((change * (marked - clean)).sum())
    if contrast <= 1:
        return 0.0, 0.0
    left = after - clean
    left = left - masked_gaussian(left, width / 30, quiet)
    return float((change * left).sum()) / contrast, contrast


def _on_photo(face: FaceAnalysis, photo: Photo) -> F32:
    """The face's skin on the whole photo, (H, W) in [0, 1]."""
    x0, y0, x1, y1 = face.grid.box
    out = np.zeros(photo.pixels.shape[:2], np.float32)
    out[y0:y1, x0:x1] = cv2.resize(face.regions["skin"], (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    return out
