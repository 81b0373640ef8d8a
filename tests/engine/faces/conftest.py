"""Photos and their analyses, computed once per session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.faces.analysis import analyse
from engine.imageio.read import read_photo
from engine.types import FaceAnalysis, Metadata, Photo, SkippedFace

Analysed = tuple[tuple[FaceAnalysis, ...], tuple[SkippedFace, ...]]


def as_photo(pixels: np.ndarray) -> Photo:
    return Photo(np.ascontiguousarray(pixels), None, Metadata(), Path("made.png"), "png")


@cache
def _read(path: Path, long_side: int) -> Photo:
    photo = read_photo(path)
    scale = long_side / max(photo.size)
    if scale >= 1:
        return photo
    pixels = cv2.resize(photo.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Photo(pixels, photo.icc, photo.metadata, photo.path, photo.format)


@cache
def _analysed(path: Path, long_side: int) -> Analysed:
    return analyse(_read(path, long_side))


@pytest.fixture(scope="session")
def photo_of(portraits: Path) -> Callable[..., Photo]:
    """name below the portraits' folder → photo, reduced to `long_side` pixels at most."""
    return lambda name, long_side=1024: _read(portraits / name, long_side)


@pytest.fixture(scope="session")
def analysed(portraits: Path) -> Callable[..., Analysed]:
    """name below the portraits' folder → its faces and skipped faces, computed once."""
    return lambda name, long_side=1024: _analysed(portraits / name, long_side)
