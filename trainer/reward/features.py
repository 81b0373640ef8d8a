"""The features of a retouch, from the face before and after: what the reward sees.

`PairMeasures` of the five dimensions, then `regional` ones, in a fixed order; then, if there is one, what an image
`encoder` sees. A set of features is the tuple of its names (`names_with`), which says all of it: the measured ones
always, and the encoder by its digest. They do not say how a picture was made, so pictures of any origin can be judged.
torch is not needed for what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.errors import EngineError
from engine.layers.bands import gaussian
from engine.metrics.crop import lab_on, width_on
from engine.metrics.dimensions import PairMeasures, PairMeter
from engine.types import F32, FaceAnalysis, FaceGrid, Mark, Photo, Pixels
from trainer.reward import regional
from trainer.reward.regional import RegionMeter

if TYPE_CHECKING:
    from trainer.reward.encoder import Encoder

VERSION: Final = 1
"""Changes whenever a feature changes its meaning; features of another version are measured anew."""

GUARDED: Final = ("landmark_drift", "identity_distance")
"""Measures that a reward never sees: they guard against one that is led astray."""

_PAIR: Final = tuple(
    name for name, each in PairMeasures.meanings().items() if each.dimension != "face" and name not in GUARDED
)
_PLACES: Final = [PairMeasures.names().index(name) for name in _PAIR]
NAMES: Final = (*_PAIR, *regional.NAMES)
DIMENSION_OF: Final = {
    **{name: PairMeasures.meanings()[name].dimension for name in _PAIR},
    **regional.DIMENSION_OF,
}
"""Feature → one of the five dimensions."""
LOOK: Final = "look"
"""In place of a dimension: of what an encoder sees, which may be anything."""
LOOKS: Final = 16
"""Features of an encoder. `Encoder` makes them; here, because they are named without it."""

UNCHANGED: Final = np.array(
    [*(PairMeasures.meanings()[name].neutral for name in _PAIR), *(0.0 for _ in regional.NAMES)], np.float32
)
"""(len(NAMES),) features of a picture that was not retouched at all."""

FACE_WIDTH: Final = 480
"""Pixels to which a larger face is reduced to be measured: what is seen with the whole face in view."""

FORMS: Final = (1 / 100, 1 / 30)
"""Sigmas of the two Gaussians between which the forms of a face lie by which a picture is known, as shares of W."""
SAME: Final = 0.7
"""Least correlation of the forms before and after. Measured: retouches by people and other programs 0.985 and more,
other photos, also of the same person, 0.45 at most."""


def names_with(encoder: str = "") -> tuple[str, ...]:
    """The features that are measured and, with the digest of an encoder, those that it sees."""
    return NAMES if not encoder else (*NAMES, *(f"{LOOK}_{encoder}_{number:02d}" for number in range(LOOKS)))


def encoder_of(names: Sequence[str]) -> str:
    """The digest of the encoder in a set of features, "" if there is none."""
    return next((name.split("_")[1] for name in names if name.startswith(f"{LOOK}_")), "")


def may_lack(names: Sequence[str]) -> frozenset[str]:
    """Those of the names that a measured picture may be without: what came later, and what an encoder sees."""
    return frozenset(name for name in names if name in regional.LATER or dimension_of(name) == LOOK)


def dimension_of(name: str) -> str:
    """One of the five dimensions, or `LOOK`."""
    return LOOK if encoder_of([name]) else DIMENSION_OF[name]


def neutral(names: Sequence[str]) -> F32:
    """(f,) features of a picture that was not retouched at all."""
    known = dict(zip(NAMES, UNCHANGED, strict=True))
    return np.array([known.get(name, 0.0) for name in names], np.float32)


def learning_grid(face: FaceAnalysis) -> FaceGrid:
    """The face's crop with the face `FACE_WIDTH` wide, or as large as it is."""
    x0, y0, x1, y1 = face.grid.box
    scale = min(1.0, FACE_WIDTH / face.width)
    return FaceGrid(face.grid.box, (round((y1 - y0) * scale), round((x1 - x0) * scale)))


class OtherPhotoError(EngineError):
    """A picture does not show what the photo shows."""

    code = "other_photo"


class FeatureMeter:
    """Features of any number of results of one face.

    Args:
        photo: before. face: its analysis. marks: the ledger, with decisions of the policy. encoder: that looks too.
    """

    def __init__(self, photo: Photo, face: FaceAnalysis, marks: Sequence[Mark], encoder: Encoder | None = None) -> None:
        self._grid = learning_grid(face)
        before = lab_on(photo, self._grid)
        self._width = width_on(face, self._grid)
        self._photo = replace(photo, pixels=np.empty((0, 0, 3), photo.pixels.dtype))  # many faces fit into memory
        self._pair = PairMeter(face, before, marks, self._grid)
        self._regions = RegionMeter(face, before, self._grid)
        self._look = encoder.look(face, before, self._grid) if encoder else None

    @property
    def before(self) -> F32:
        """(h, w, 3) L*a*b* of the face on its learning grid."""
        return self._pair.before

    def measure(self, pixels: Pixels) -> F32:
        """(f,) features of a result: (H, W, 3) pixels of the photo's size, dtype and encoding."""
        return self.measure_lab(lab_on(self._photo, self._grid, pixels))[0]

    def measure_photo(self, picture: Photo) -> F32:
        """(f,) features of a finished picture of the photo's size, in whatever depth and profile it has.

        Raises: OtherPhotoError."""
        after = lab_on(picture, self._grid)
        if self._likeness(after) < SAME:
            raise OtherPhotoError(
                f"{picture.path.name} is no retouch of {self._photo.path.name}.",
                "Name pictures of the same photo, in the same crop.",
            )
        return self.measure_lab(after)[0]

    def _likeness(self, after: F32) -> float:
        """Correlation of the forms of both faces; 1 where there are none."""
        forms = []
        for lab in (self.before, after):
            light = np.ascontiguousarray(lab[..., 0])
            forms.append((gaussian(light, self._width * FORMS[0]) - gaussian(light, self._width * FORMS[1])).ravel())
        first, second = (each - each.mean() for each in forms)
        size = float(np.linalg.norm(first) * np.linalg.norm(second))
        return float(first @ second) / size if size > 0 else 1.0

    def measure_lab(self, after: F32) -> tuple[F32, PairMeasures]:
        """Features of a result that is drawn on the learning grid, (h, w, 3) L*a*b*, and all measures of the pair, of
        which guards look at some that a reward never sees."""
        pair = self._pair.measure(after)
        found = [pair.vector()[_PLACES], self._regions.measure(after)]
        if self._look is not None:
            found.append(self._look.measure(after))
        return np.concatenate(found).astype(np.float32), pair
