"""The MediaPipe tasks that analysis uses, opened quietly from the shipped networks. Borrow them with `with`.

A task stays open when it is given back and serves the next borrower, since opening one takes longer than using it.
"""

from __future__ import annotations

import atexit
import io
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import ModelCorruptError
from engine.weights.catalogue import locate

Srgb8 = npt.NDArray[np.uint8]
"""(h, w, 3) uint8 sRGB, upright."""

SHORT_RANGE = "face_detector_short_range.tflite"
FULL_RANGE = "face_detector_full_range.tflite"
LANDMARKS = "face_landmarks.tflite"
PALMS = "palm_detector.tflite"
HANDS = "hand_landmarks.tflite"
PERSON = "selfie_segmentation.tflite"
IDENTITY = "face_identity_dlib.onnx"

_waiting: dict[tuple[str, ...], list[Any]] = {}
"""Open tasks that nobody has borrowed, by the names of their files and settings."""
_stderr_lock = RLock()
_quiet_depth = 0


def model_file(name: str) -> Path:
    """A shipped face model, its checksum proved. Raises: ModelMissingError, ModelCorruptError."""
    return locate(f"faces/{name}")


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
def task(names: tuple[str, ...], create: Callable[[Any, Any, list[bytes]], Any], setting: str = "") -> Iterator[Any]:
    """Borrow a task, opened with `create(vision, BaseOptions, contents of the files)` if none is waiting.

    setting: tells tasks of the same files apart. After an error the task is closed instead of kept.
    Raises: ModelMissingError, ModelCorruptError if MediaPipe cannot load the files.
    """
    paths = [model_file(name) for name in names]  # proved each time, whoever waits
    waiting = _waiting.setdefault((*map(str, paths), setting), [])
    try:
        opened = waiting.pop()
    except IndexError:
        opened = _open(names, create, paths)
    try:
        yield opened
    except BaseException:
        _close(opened)
        raise
    waiting.append(opened)


def _open(names: tuple[str, ...], create: Callable[[Any, Any, list[bytes]], Any], paths: list[Path]) -> Any:
    with quiet():
        from mediapipe.tasks.python import BaseOptions, vision

        try:
            return create(vision, BaseOptions, [path.read_bytes() for path in paths])
        except (RuntimeError, ValueError, OSError, KeyError) as error:
            message = f"The face model {' or '.join(names)} cannot be loaded."
            raise ModelCorruptError(message, "Install the program again.") from error


def _close(opened: Any) -> None:
    with quiet():
        opened.close()


@atexit.register
def close_waiting() -> None:
    """Close the tasks that nobody has borrowed."""
    for waiting in _waiting.values():
        while waiting:
            _close(waiting.pop())


def bundle(files: Mapping[str, bytes]) -> bytes:
    """A MediaPipe task bundle: a zip whose entries are stored."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def detector(name: str, confidence: float) -> Any:
    """A face detector, as a context manager."""
    return task(
        (name,),
        lambda vision, base, files: vision.FaceDetector.create_from_options(
            vision.FaceDetectorOptions(
                base_options=base(model_asset_buffer=files[0]), min_detection_confidence=confidence
            )
        ),
        f"{confidence}",
    )


def landmarker(confidence: float) -> Any:
    """The 478-point landmarker for one face in a tight crop, as a context manager."""

    def create(vision: Any, base: Any, files: list[bytes]) -> Any:
        names = ("face_detector.tflite", "face_landmarks_detector.tflite")
        return vision.FaceLandmarker.create_from_options(
            vision.FaceLandmarkerOptions(
                base_options=base(model_asset_buffer=bundle(dict(zip(names, files, strict=True)))),
                num_faces=1,
                min_face_detection_confidence=confidence,
                min_face_presence_confidence=0.5,
            )
        )

    return task((SHORT_RANGE, LANDMARKS), create, f"{confidence}")


def person_segmenter() -> Any:
    """The person/background segmenter, as a context manager."""
    return task(
        (PERSON,),
        lambda vision, base, files: vision.ImageSegmenter.create_from_options(
            vision.ImageSegmenterOptions(
                base_options=base(model_asset_buffer=files[0]),
                output_confidence_masks=True,
                output_category_mask=False,
            )
        ),
    )


def hand_landmarker() -> Any:
    """The hand landmarker for up to four hands, as a context manager."""

    def create(vision: Any, base: Any, files: list[bytes]) -> Any:
        names = ("hand_detector.tflite", "hand_landmarks_detector.tflite")
        return vision.HandLandmarker.create_from_options(
            vision.HandLandmarkerOptions(
                base_options=base(model_asset_buffer=bundle(dict(zip(names, files, strict=True)))),
                num_hands=4,
                min_hand_detection_confidence=0.25,
                min_hand_presence_confidence=0.5,
            )
        )

    return task((PALMS, HANDS), create)


def image(pixels: Srgb8) -> Any:
    """MediaPipe's image of sRGB pixels."""
    import mediapipe

    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
