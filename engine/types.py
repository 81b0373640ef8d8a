"""The shared vocabulary: photo, face, marks, layers, strengths. numpy only.

Spaces (see ARCHITECTURE.md): *source* pixels are the file's own, upright, in the file's encoded values; a *face grid*
is an axis-aligned crop of the source (`FaceGrid.box`) resampled so that the face is about `GRID_FACE_WIDTH` wide;
*working* colour is CIE L*a*b* D50 (the ICC connection space). Boxes are (x0, y0, x1, y1), half open, in source pixels.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Pixels = npt.NDArray[Any]
"""(H, W, 3) uint8 or uint16, encoded by the photo's ICC profile."""

GRID_FACE_WIDTH = 512
"""Width in grid pixels to which a face is resampled for analysis and layers (never above native for smaller faces
than this: grids are only enlarged up to twice)."""

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Metadata:
    """What travels with the pixels, as raw blocks.

    `exif` is a TIFF-structured block without its "Exif" prefix (orientation already reset to 1), `xmp` a UTF-8
    packet, `iptc` an IIM block (JPEG APP13 resource 0x0404 / TIFF tag 33723), `dpi` (x, y).
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None


@dataclass(frozen=True)
class Photo:
    """A decoded photograph, upright.

    Shapes: pixels (H, W, 3) uint8 or uint16. Space: source, encoded by `icc` (sRGB if the file had none and `icc` is
    None). `notes` are declared conversions, such as "float TIFF converted to 16 bit", shown to the person.
    compression: of a TIFF, "lzw" or "deflate"; empty for none, and for others.
    """

    pixels: Pixels
    icc: bytes | None
    metadata: Metadata
    path: Path
    format: str
    notes: tuple[str, ...] = ()
    alpha: npt.NDArray[Any] | None = None
    compression: str = ""

    @property
    def depth(self) -> int:
        """Bits per channel, 8 or 16."""
        return self.pixels.dtype.itemsize * 8

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in source pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


class MarkKind(StrEnum):
    """What a mark is taken for."""

    BLEMISH = "blemish"
    DARK_SPOT = "dark_spot"
    MOLE = "mole"
    FRECKLE = "freckle"
    SCAR = "scar"
    UNKNOWN = "unknown"


KEPT_BY_DEFAULT = frozenset({MarkKind.MOLE, MarkKind.FRECKLE, MarkKind.SCAR, MarkKind.UNKNOWN})
MARK_CLASSES = (MarkKind.BLEMISH, MarkKind.DARK_SPOT, MarkKind.SCAR, MarkKind.MOLE, MarkKind.FRECKLE)
"""The kinds that a heal network tells apart, in the order of its maps."""


class Decision(StrEnum):
    """What happens to a mark."""

    KEEP = "keep"
    REMOVE = "remove"


@dataclass(frozen=True)
class Mark:
    """A spot-like thing on skin. Centre and radius in source pixels; `contrast` is the mean L*a*b* distance (ΔE76) to
    the skin around it; confidence in [0, 1]. `decision` is the policy's proposal; a person's is kept in `FaceEdits`."""

    id: str
    centre: tuple[float, float]
    radius: float
    contrast: float
    kind: MarkKind
    confidence: float
    decision: Decision


REGIONS = (
    "skin",
    "forehead",
    "under_eyes",
    "cheeks",
    "nose",
    "upper_lip",
    "chin",
    "jaw",
    "neck",
    "ears",
    "eyes",
    "iris",
    "brows",
    "lips",
    "teeth",
    "nostrils",
    "hair",
    "facial_hair",
    "occluders",
)
"""Soft masks of `FaceAnalysis.regions`. "skin" is the retouchable skin of this face: everything from "eyes" on is kept
out of it; "forehead" … "ears" split it. "occluders" holds glasses, hands and other things before the face."""


@dataclass(frozen=True)
class FaceGrid:
    """The resampled crop on which a face is analysed and its layers are stored.

    box: crop in source pixels, inside the photo. shape: (h, w) in grid pixels. Grid pixel centre (i + .5) maps to
    source box origin + (i + .5) / scale with scale = w / (x1 - x0) (per axis).
    """

    box: Box
    shape: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """(x, y) grid pixels per source pixel."""
        x0, y0, x1, y1 = self.box
        return self.shape[1] / (x1 - x0), self.shape[0] / (y1 - y0)

    def to_grid(self, points: F32) -> F32:
        """Source positions (N, 2), x then y, pixel centres at .5, into grid positions."""
        return ((points - np.array(self.box[:2], np.float32)) * np.array(self.scale, np.float32)).astype(np.float32)

    def to_source(self, points: F32) -> F32:
        """Inverse of `to_grid`."""
        return (points / np.array(self.scale, np.float32) + np.array(self.box[:2], np.float32)).astype(np.float32)


@dataclass(frozen=True)
class FaceAnalysis:
    """All that is known of one face before any policy runs; computed once.

    landmarks: (478, 2) float32 in source pixels (MediaPipe topology). width: distance between the face-oval extremes
    along the eye axis, in source pixels ("W", the unit of all radii). pose: (yaw, pitch, roll) in degrees.
    lab: (h, w, 3) float32 L*a*b* D50 of the grid crop. regions: name → (h, w) float32 in [0, 1], names from `REGIONS`.
    embedding: 128-d unit-free identity embedding or None. person, hands: (h, w) float32 in [0, 1], the likelihood of
    any person and the area of hands, from which `faces.regions.with_masks` makes the masks anew; None if it cannot.
    doubt: why the face is off until a person turns it on, as one sentence; empty if it is not. Not hashable by content:
    identity is `id`.
    """

    id: str
    box: Box
    landmarks: F32
    width: float
    pose: tuple[float, float, float]
    confidence: float
    grid: FaceGrid
    lab: F32
    regions: Mapping[str, F32]
    embedding: F32 | None = None
    person: F32 | None = None
    hands: F32 | None = None
    doubt: str = ""

    @property
    def grid_width(self) -> float:
        """Face width W in grid pixels."""
        return self.width * self.grid.scale[0]


@dataclass(frozen=True)
class SkippedFace:
    """A face that was found but is not retouched, with the reason as one sentence."""

    box: Box
    reason: str


LAYERS = ("heal", "smooth", "tone", "light", "shine", "under_eye", "texture", "features", "teeth", "eye_whites")
"""Names of layers and of their strengths, in rendering order."""


@dataclass(frozen=True)
class HealPatch:
    """How one mark disappears: source + delta. box in source pixels; delta (h, w, 3) float16 in encoded units of
    full scale 1 (the mark's soft mask is already multiplied in, so it is 0 at the box's border). cover: (h, w) in
    [0, 1], how far it takes the place of the patches before it; None if it is added to them."""

    mark_id: str
    box: Box
    delta: npt.NDArray[np.float16]
    cover: npt.NDArray[np.float16] | None = None


@dataclass(frozen=True)
class RetouchLayers:
    """What a policy proposes for one face, as layers that a renderer blends linearly.

    deltas: layer name → (h, w, 3) float32 on `grid`, in the source's encoded values at full scale 1, at proposed
    strength, already masked by the layer's own soft region. texture_gain: (h, w) float32, the factor minus 1 applied
    to the source's own pore band. mask: (h, w) float32 union of everything that may change; where it is 0 after linear
    enlargement the output is bit-identical. marks: the ledger in reading order; patches: one per mark. regions: the
    face's soft masks of `AREAS` on `grid`, for strengths by region; may lack some. ceilings: layer name → greatest
    factor that it may have, since more would take away more than is there; none of a layer that is not named.
    """

    face_id: str
    grid: FaceGrid
    width: float
    deltas: Mapping[str, F32]
    texture_gain: F32 | None
    mask: F32
    marks: tuple[Mark, ...] = ()
    patches: tuple[HealPatch, ...] = ()
    regions: Mapping[str, F32] = field(default_factory=dict)
    ceilings: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def peaks(self) -> Mapping[str, float]:
        """Layer name → greatest change of any channel anywhere, full scale 1, at proposed strength."""
        return {name: float(np.abs(delta).max(initial=0)) for name, delta in self.deltas.items()}

    @cached_property
    def sizes(self) -> Mapping[str, float]:
        """Layer name → mean change where the layer acts, of every fourth row and column; "texture": of its gain."""
        planes = {name: np.abs(delta[::4, ::4]).max(-1) for name, delta in self.deltas.items()}
        if self.texture_gain is not None:
            planes["texture"] = np.abs(self.texture_gain[::4, ::4])
        return {name: float(plane[plane > 0].mean()) if plane.any() else 0.0 for name, plane in planes.items()}

    @cached_property
    def shares(self) -> Mapping[str, F32]:
        """Region → its mask (h, w) in [0, 1], made smaller where regions overlap, so that they sum to at most 1."""
        total = np.maximum(np.sum([*self.regions.values()], axis=0, dtype=np.float32), 1)
        return {name: (np.clip(mask, 0, 1) / total).astype(np.float32) for name, mask in self.regions.items()}


PROPOSED = 50.0
"""The strength at which a layer is as the policy proposes."""

DEFAULT_STRENGTHS: Mapping[str, float] = dict.fromkeys(LAYERS, PROPOSED) | dict.fromkeys(
    ("features", "teeth", "eye_whites"), 0.0
)
"""What a face gets before anyone has moved a slider: its skin as proposed; eyes, lips, brows and teeth untouched."""


@dataclass(frozen=True)
class Strengths:
    """0–100 for each layer, 50 = as proposed, 0 = none, 100 = twice; `amount` (0–100, 50 = as set) multiplies all.

    values: may be given in part; the rest is filled from `DEFAULT_STRENGTHS`.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    amount: float = PROPOSED

    def __post_init__(self) -> None:
        for name, value in {**self.values, "amount": self.amount}.items():
            if name != "amount" and name not in LAYERS:
                raise ValueError(f"Unknown strength {name!r}; known are {', '.join(LAYERS)}.")
            if not 0 <= value <= 100:
                raise ValueError(f"Strength {name}={value} is outside 0–100.")
        object.__setattr__(self, "values", {**DEFAULT_STRENGTHS, **self.values})

    def factor(self, name: str) -> float:
        """Factor on the proposed layer: strength/50 × amount/50."""
        return self.values[name] / PROPOSED * self.amount / PROPOSED

    def with_(self, **values: float) -> Strengths:
        """A copy with some strengths (or `amount`) replaced."""
        amount = values.pop("amount", self.amount)
        return replace(self, values={**self.values, **values}, amount=amount)


AREAS = (
    *("forehead", "under_eyes", "cheeks", "nose", "upper_lip", "chin", "jaw", "neck", "ears"),
    *("eyes", "brows", "lips"),
)
"""Regions of a face whose strengths can be set by themselves."""

BRUSHED = (*LAYERS, "all")
"""What can be brushed: one layer, or all of them (painted to 0: protected)."""


@dataclass(frozen=True)
class Brushwork:
    """A factor painted over a layer: (h, w) uint8 on the face grid whose source box is `box`, kept compressed.

    A value v stands for the factor v / `NEUTRAL`: 0 takes the layer away, `NEUTRAL` leaves it, 255 is about twice.
    """

    box: Box
    shape: tuple[int, int]
    data: bytes

    NEUTRAL: ClassVar[int] = 128

    @classmethod
    def of(cls, grid: FaceGrid, values: npt.NDArray[np.uint8]) -> Brushwork:
        """Raises: ValueError if the values do not fit the grid."""
        if values.shape != grid.shape or values.dtype != np.uint8:
            raise ValueError(f"Brushwork {values.shape} {values.dtype} does not fit the grid {grid.shape}.")
        return cls(grid.box, grid.shape, zlib.compress(np.ascontiguousarray(values).tobytes(), 6))

    def values(self) -> npt.NDArray[np.uint8]:
        """(h, w) uint8, read-only. Raises: ValueError if the data is damaged."""
        try:
            raw = zlib.decompress(self.data)
        except zlib.error as error:
            raise ValueError("The painted mask cannot be decompressed.") from error
        if len(raw) != self.shape[0] * self.shape[1]:
            raise ValueError("The painted mask has another size than it says.")
        return np.frombuffer(raw, np.uint8).reshape(self.shape)


@dataclass(frozen=True)
class OwnMark:
    """A mark that a person brushed: discs of `radius` along `points` (source pixels), to be removed."""

    id: str
    points: tuple[tuple[float, float], ...]
    radius: float


@dataclass(frozen=True)
class FaceEdits:
    """A person's choices for one face.

    decisions: mark id → overruled decision. regions: region of `AREAS` → layer or "amount" → 0–100, 50 = as the rest
    of the face. brushwork: what of `BRUSHED` → painted factor. marks: added by hand. preserve: 0–100, how far the
    layers that touch personal features are held back, see `engine.layers.areas`.
    """

    strengths: Strengths = field(default_factory=Strengths)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    enabled: bool = True
    regions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    brushwork: Mapping[str, Brushwork] = field(default_factory=dict)
    marks: tuple[OwnMark, ...] = ()
    preserve: float = PROPOSED

    def __post_init__(self) -> None:
        for area, values in self.regions.items():
            if area not in AREAS or set(values) - {*LAYERS, "amount"}:
                raise ValueError(f"Unknown region or strength in {area!r}: {', '.join(values)}.")
        if set(self.brushwork) - set(BRUSHED):
            raise ValueError(f"Unknown layers are painted: {', '.join(self.brushwork)}.")

    @classmethod
    def initial(cls, face: FaceAnalysis) -> Self:
        """What holds before a person chooses anything: a face in doubt is off."""
        return cls(enabled=not face.doubt)

    def share(self, area: str, name: str) -> float:
        """Factor of a layer in a region, relative to the rest of the face."""
        values = self.regions.get(area, {})
        return values.get(name, PROPOSED) / PROPOSED * values.get("amount", PROPOSED) / PROPOSED
