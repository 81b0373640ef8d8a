"""Whether the person is still the same: distances of face embeddings before and after.

Two kinds: the shipped embedding (`engine.faces.identity`), and any ArcFace-type network in ONNX form that a user
supplies. The usual ArcFace weights may be used for research only, so none is shipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from engine.errors import ModelCorruptError, ModelMissingError
from engine.faces import identity, topology
from engine.faces.models import Srgb8
from engine.imageio.colour import to_srgb8
from engine.inference import open_model
from engine.types import F32, FaceAnalysis, Photo, Pixels

SIDE: Final = 112
TEMPLATE: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float64
)
"""Places of the image-left eye, the other eye, the tip of the nose and both corners of the mouth on the chip
(REFERENCES: arcface)."""
_HINT = "Give an ONNX file with one image input of 1×3×112×112, such as an ArcFace model of the insightface project."


def identity_distance(photo: Photo, result: Pixels, face: FaceAnalysis) -> float:
    """Distance of the shipped embeddings before and after; 0.3 and more is drift. Raises: ModelMissingError,
    ModelCorruptError, ColourProfileError."""
    return identity.distance(embedded(photo, photo.pixels, face), embedded(photo, result, face))


def embedded(photo: Photo, pixels: Pixels, face: FaceAnalysis) -> F32:
    """The shipped embedding of a face of the photo, as `pixels` of its size and encoding show it."""
    crop, points = _crop(photo, pixels, face)
    return identity.embed(crop, points)


class ArcFace:
    """An ArcFace-type network: 112×112 RGB, (value − 127.5) / 127.5, aligned by five points.

    Args:
        path: the ONNX file. Raises: ModelMissingError, ModelCorruptError.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ModelMissingError(f"There is no face model {path.name}.", _HINT)
        try:
            self._session = open_model(path)
        except ModelCorruptError as error:
            raise ModelCorruptError(f"The face model {path.name} cannot be loaded.", _HINT) from error
        self.name = path.name
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or list(inputs[0].shape[1:]) != [3, SIDE, SIDE]:
            raise ModelCorruptError(f"The face model {path.name} does not take images of 3×112×112.", _HINT)
        self._input = inputs[0].name

    def embed(self, pixels: Srgb8, landmarks: F32) -> F32:
        """Unit-length embedding of the face at `landmarks` (478, 2) in (h, w, 3) uint8 sRGB pixels."""
        batch = (aligned(pixels, landmarks).astype(np.float32).transpose(2, 0, 1)[None] - 127.5) / 127.5
        found = np.asarray(self._session.run(None, {self._input: batch})[0], np.float64).ravel()
        length = float(np.linalg.norm(found))
        if not np.isfinite(length) or length == 0:
            raise ModelCorruptError(f"The face model {self.name} gives values that are not numbers.", _HINT)
        return (found / length).astype(np.float32)

    def similarity(self, photo: Photo, result: Pixels, face: FaceAnalysis) -> float:
        """Cosine of the embeddings before and after, 1 for the same picture."""
        before, after = (self.embed(*_crop(photo, pixels, face)) for pixels in (photo.pixels, result))
        return float(before.astype(np.float64) @ after)


def aligned(pixels: Srgb8, landmarks: F32) -> Srgb8:
    """The (112, 112, 3) chip on which the five points lie at `TEMPLATE`."""
    points = [landmarks[eye].mean(0) for eye in (topology.RIGHT_EYE, topology.LEFT_EYE)]
    points += [landmarks[topology.NOSE_TIP], landmarks[topology.LIPS_OUTER[0]], landmarks[topology.LIPS_OUTER[10]]]
    map_ = identity.similarity(np.array(points, np.float64), TEMPLATE)
    map_[:, 2] += map_[:, :2] @ [0.5, 0.5]  # cv2 and the template count pixel centres from 0, landmarks from .5
    scale = float(np.hypot(map_[0, 0], map_[1, 0]))
    source: Any = pixels if scale > 0.5 else cv2.GaussianBlur(pixels, (0, 0), 0.45 / scale)
    return np.asarray(cv2.warpAffine(source, map_, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.uint8)


def _crop(photo: Photo, pixels: Pixels, face: FaceAnalysis) -> tuple[Srgb8, F32]:
    x0, y0, x1, y1 = face.grid.box
    points = face.landmarks - np.array((x0, y0), np.float32)
    return to_srgb8(np.ascontiguousarray(pixels[y0:y1, x0:x1]), photo.icc), points.astype(np.float32)
