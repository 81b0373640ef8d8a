"""Training faces: analysed portraits on their grids, cached, split by person."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engine import paths
from engine.errors import EngineError
from engine.faces.analysis import analyse
from engine.imageio.colour import from_lab, to_lab
from engine.imageio.light import encode, linearise
from engine.imageio.read import read_photo
from engine.layers.bands import gaussian, masked_gaussian
from engine.marks.find import bumps_of
from engine.types import F32, FaceAnalysis, Photo
from trainer.pretrain.transplant import Cut, cut_marks, distinct

HELD_OUT = 0.15
"""Share of people, by hash of the person's number, never trained on."""
PREPARED = 2
"""Version of what is prepared of a portrait."""


@dataclass(frozen=True)
class TrainingFace:
    """linear: (H, W, 3) float16 linear sRGB of the face grid; skin: (H, W) uint8 0–255; natural: (H, W) uint8,
    255 where the person's own marks are (excluded from the loss); width: W in grid pixels; bumps: contrast of what the
    skin has everywhere, ΔE76 (`bumps_of`); cuts: the distinct ones of its marks."""

    name: str
    person: str
    linear: npt.NDArray[np.float16]
    skin: npt.NDArray[np.uint8]
    natural: npt.NDArray[np.uint8]
    width: float
    bumps: float
    cuts: tuple[Cut, ...] = ()

    @property
    def held_out(self) -> bool:
        return is_held_out(self.person)


def is_held_out(person: str) -> bool:
    """Whether a person's portraits are kept for tests."""
    return int(hashlib.sha256(person.encode()).hexdigest()[:8], 16) / 2**32 < HELD_OUT


def person_of(path: Path) -> str:
    """The person of a portrait: its folder and the first number (London shows one person twice), else its stem."""
    number = re.search(r"\d+", path.stem)
    return f"{path.parent.name}/{number.group() if number else path.stem}"


def natural_marks(lab: F32, skin: F32, width: float) -> npt.NDArray[np.uint8]:
    """255 where the skin already has spots: compact blobs, in scale space, that stand out of this face's own variation.

    Creases, borders and shades are long or touch what is not skin, and are none. lab, skin: as in `FaceAnalysis`.
    """
    found = np.zeros(lab.shape[:2], bool)
    weight = (skin > 0.5).astype(np.float32)
    for sigma in (width * 0.003, width * 0.006, width * 0.012):
        norm = masked_gaussian(lab[..., :2], sigma * 2.5, weight)
        for channel, floor, sign in ((0, 1.6, -1), (1, 1.1, 1)):
            plane = np.ascontiguousarray(lab[..., channel])
            d = sign * (gaussian(plane, sigma) - norm[..., channel])
            inside = d[weight > 0]
            if inside.size:
                mad = np.median(np.abs(inside - np.median(inside))) * 1.48
                found |= (d > max(3.2 * mad, floor)) & (weight > 0)
    return compact_spots(found, weight, width)


def compact_spots(found: npt.NDArray[np.bool_], skin: F32, width: float) -> npt.NDArray[np.uint8]:
    """255 at and around the connected parts of `found` (h, w) that are as compact as a spot and lie inside the skin."""
    core = cv2.erode((skin > 0.5).astype(np.float32), _disc(width * 0.012))
    spots = np.zeros(found.shape, np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=4)
    for i in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[i])
        part = labels[y : y + h, x : x + w] == i
        compact = max(w, h) <= 2.2 * min(w, h) + 2 and area >= 0.45 * w * h and max(w, h) <= 0.06 * width
        if compact and core[y : y + h, x : x + w][part].mean() > 0.95:
            spots[y : y + h, x : x + w][part] = 255
    return np.asarray(cv2.dilate(spots, _disc(width * 0.007)), np.uint8)


def _disc(radius: float) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(radius) + 1,) * 2), np.uint8)


def analysed(path: Path) -> tuple[Photo, FaceAnalysis] | None:
    """A portrait and its one face; None, with a line that says why, if there is not exactly one."""
    try:
        photo = read_photo(path)
        faces, _ = analyse(photo, embed=False)
    except EngineError as error:
        print(json.dumps({"skipped": path.name, "reason": str(error)}))
        return None
    if len(faces) != 1:
        print(json.dumps({"skipped": path.name, "faces": len(faces)}))
        return None
    print(json.dumps({"prepared": path.name}), flush=True)
    return photo, faces[0]


def load_faces(folder: Path, cache: Path, every: int = 1) -> Iterator[TrainingFace]:
    """The face of every `every`-th portrait under `folder`, from `cache` where it was prepared before."""
    cache.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.rglob("*.jpg"))[::every]:
        store = cache / f"{path.parent.name}-{path.stem}.face-{PREPARED}.npz"
        if store.exists() or _prepare(path, store):
            yield _face(path, store)


def _prepare(path: Path, store: Path) -> bool:
    """Write a portrait's face and marks to the store, if it has one."""
    found = analysed(path)
    if found is None:
        return False
    photo, face = found
    cuts = cut_marks(photo, [face])
    densities: dict[str, Any] = {f"density{i}": cut.density for i, cut in enumerate(cuts)}
    data = io.BytesIO()
    np.savez(
        data,
        linear=linearise(from_lab(face.lab, None)).astype(np.float16),
        skin=np.round(face.regions["skin"] * 255).astype(np.uint8),
        width=face.grid_width,
        widths=np.array([cut.width for cut in cuts], np.float32),
        stays=np.array([cut.stays for cut in cuts], bool),
        **densities,
    )
    paths.write_atomic(store, data.getvalue())
    return True


def _face(path: Path, store: Path) -> TrainingFace:
    with np.load(store) as data:
        linear, skin, width = data["linear"], data["skin"], float(data["width"])
        about = enumerate(zip(data["widths"].tolist(), data["stays"].tolist(), strict=True))
        cuts = [Cut(data[f"density{i}"], each, stays) for i, (each, stays) in about]
    lab = to_lab(encode(linear.astype(np.float32)), None)
    share = skin / np.float32(255)
    natural, bumps = natural_marks(lab, share, width), bumps_of(lab, share, width)
    plain = tuple(cut for cut in cuts if distinct(cut))
    return TrainingFace(path.stem, person_of(path), linear, skin, natural, width, bumps, plain)
