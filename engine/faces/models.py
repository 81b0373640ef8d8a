"""The MediaPipe tasks that analysis uses, opened quietly from the shipped bundles. Close them with `with`."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import weights
from engine.errors import ModelCorruptError

Srgb8 = npt.NDArray[np.uint8]
"""(h, w, 3) uint8 sRGB, upright."""

SHORT_RANGE = "face_landmarker_short_range.task"
FULL_RANGE = "face_landmarker_full_range.task"
PERSON = "selfie_segmentation.tflite"
HANDS = "hand_landmarker.task"
IDENTITY = "face_identity_dlib.onnx"

_stderr_lock = RLock()
_quiet_depth = 0


def model_file(name: str) -> Path:
    """A shipped face model, its checksum proved. Raises: ModelMissingError, ModelCorruptError."""
    return weights.locate(f"faces/{name}")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the notes of MediaPipe's native library off the terminal.

    Its LiteRT part writes straight to file descriptor 2 and knows no setting for that (MediaPipe 1.2), so the
    descriptor points to the null device meanwhile; nested use is fine. Python exceptions still arrive.
    """
    global _quiet_depth
    with _stderr_lock:
        _quiet_depth += 1
        saved = None
        if _quiet_depth == 1:
            try:
                saved = os.dup(2)
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 2)
                os.close(null)
            except OSError:  # a windowed program may have no descriptor 2
                saved = None
        try:
            yield
        finally:
            _quiet_depth -= 1
            if saved is not None:
                os.dup2(saved, 2)
                os.close(saved)


@contextmanager
def task(name: str, create: Callable[[Any, Any, Path], Any]) -> Iterator[Any]:
    """Open a task with `create(vision, BaseOptions, file)` and close it at the end.

    Raises: ModelMissingError, ModelCorruptError if MediaPipe cannot load the file.
    """
    path = model_file(name)
    with quiet():
        from mediapipe.tasks.python import BaseOptions, vision

        try:
            opened = create(vision, BaseOptions, path)
        except (RuntimeError, ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
            raise ModelCorruptError(f"The face model {name} cannot be loaded.", "Install the program again.") from error
    try:
        yield opened
    finally:
        with quiet():
            opened.close()


def detector(name: str, confidence: float) -> Any:
    """The face detector inside a landmarker bundle, as a context manager."""

    def create(vision: Any, base: Any, path: Path) -> Any:
        with zipfile.ZipFile(path) as bundle:
            data = bundle.read("face_detector.tflite")
        return vision.FaceDetector.create_from_options(
            vision.FaceDetectorOptions(base_options=base(model_asset_buffer=data), min_detection_confidence=confidence)
        )

    return task(name, create)


def landmarker(confidence: float) -> Any:
    """The 478-point landmarker for one face in a tight crop, as a context manager."""
    return task(
        SHORT_RANGE,
        lambda vision, base, path: vision.FaceLandmarker.create_from_options(
            vision.FaceLandmarkerOptions(
                base_options=base(model_asset_path=str(path)),
                num_faces=1,
                min_face_detection_confidence=confidence,
                min_face_presence_confidence=0.5,
            )
        ),
    )


def person_segmenter() -> Any:
    """The person/background segmenter, as a context manager."""
    return task(
        PERSON,
        lambda vision, base, path: vision.ImageSegmenter.create_from_options(
            vision.ImageSegmenterOptions(
                base_options=base(model_asset_path=str(path)),
                output_confidence_masks=True,
                output_category_mask=False,
            )
        ),
    )


def hand_landmarker() -> Any:
    """The hand landmarker for up to four hands, as a context manager."""
    return task(
        HANDS,
        lambda vision, base, path: vision.HandLandmarker.create_from_options(
            vision.HandLandmarkerOptions(
                base_options=base(model_asset_path=str(path)),
                num_hands=4,
                min_hand_detection_confidence=0.25,
                min_hand_presence_confidence=0.5,
            )
        ),
    )


def image(pixels: Srgb8) -> Any:
    """MediaPipe's image of sRGB pixels."""
    import mediapipe

    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
