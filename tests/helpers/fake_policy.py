"""A policy in closed form, and an analysis without a detector: pipeline tests need no weights and no photographs.

Its flow carries unit noise to a Gaussian N(MEAN, SPREAD²), so its velocity is exact; its latent of four numbers decides
tone, light and texture of the skin, and the painted spots of `tests.helpers.faces` are its marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from engine.policies import registry
from engine.policies.base import Condition, PolicyInfo
from engine.policies.registry import PolicyEntry
from engine.types import (
    F32,
    Box,
    Decision,
    FaceAnalysis,
    HealPatch,
    Mark,
    MarkKind,
    Photo,
    RetouchLayers,
    SkippedFace,
)
from tests.helpers.faces import SPOTS, synthetic_face

MEAN, SPREAD = 0.5, 0.2
SIZE = (240, 200)
"""(height, width) of the photo that has a face."""

ENTRY = PolicyEntry(
    "fake", "For tests.", "Apache-2.0", "tests.helpers.fake_policy", "load_fake", shipped=True, weights="It has none."
)


def fake_analyse(
    photo: Photo, *, boxes: Sequence[Box] | None = None, embed: bool = True
) -> tuple[tuple[FaceAnalysis, ...], tuple[SkippedFace, ...]]:
    """The painted face where the photo is a painted portrait; none in a flat photo or one of another size."""
    if photo.pixels.shape[:2] != SIZE or photo.pixels.std() < photo.pixels.max() / 100:
        return (), ()
    face = synthetic_face(SIZE)[1]
    return (face if boxes is None else replace(face, box=boxes[0]),), (SkippedFace((0, 0, 9, 9), "Too small."),)


@dataclass
class FakePolicy:
    """Counts its calls, so that tests see what is drawn anew."""

    version: str = "1"
    encoded: int = 0
    velocities: int = 0
    typical: int = 1

    @property
    def info(self) -> PolicyInfo:
        return PolicyInfo("fake", self.version, "Apache-2.0", steps=8, shift=1.0, device="cpu", typical=self.typical)

    def encode(self, photo: Photo, face: FaceAnalysis, instruction: str = "") -> Condition:
        self.encoded += 1
        return Condition(face, None)

    def noise(self, condition: Condition, seed: int) -> torch.Tensor:
        return torch.randn(1, 4, generator=torch.Generator().manual_seed(seed))

    def velocity(self, x: torch.Tensor, sigma: float, condition: Condition) -> torch.Tensor:
        self.velocities += 1
        variance = (1 - sigma) ** 2 * SPREAD**2 + sigma**2
        offset = (x - (1 - sigma) * MEAN) / variance
        return sigma * offset - (MEAN + (1 - sigma) * SPREAD**2 * offset)

    def decode(self, latent: torch.Tensor, photo: Photo, condition: Condition) -> RetouchLayers:
        face = condition.face
        skin = face.regions["skin"]
        tone, light, texture, _ = (float(value) for value in latent[0])
        marks, patches = _marks(face)
        return RetouchLayers(
            face.id,
            face.grid,
            face.width,
            {
                "tone": (skin[..., None] * np.float32([0.1, 0.03, 0.0]) * tone).astype(np.float32),
                "light": (skin[..., None] * np.float32([0.05] * 3) * light).astype(np.float32),
            },
            (skin * 0.1 * texture).astype(np.float32),
            (skin > 0).astype(np.float32),
            marks,
            patches,
        )


def _marks(face: FaceAnalysis) -> tuple[tuple[Mark, ...], tuple[HealPatch, ...]]:
    """The painted spots: a blemish and a dark spot to remove, a mole to keep; patches undo what was painted."""
    centre = np.array([SIZE[1] / 2, SIZE[0] / 2])
    kinds = (MarkKind.BLEMISH, MarkKind.DARK_SPOT, MarkKind.MOLE)
    marks, patches = [], []
    for number, ((x, y, radius), kind) in enumerate(zip(SPOTS, kinds, strict=True)):
        px, py, r = *(centre + np.array([x, y]) * face.width), radius * face.width
        decision = Decision.KEEP if kind is MarkKind.MOLE else Decision.REMOVE
        marks.append(Mark(f"m{number}", (float(px), float(py)), float(r), 20.0, kind, 0.9, decision))
        reach = int(np.ceil(2 * r))
        box = (int(px) - reach, int(py) - reach, int(px) + reach + 1, int(py) + reach + 1)
        patches.append(HealPatch(f"m{number}", box, _undo(box, (float(px), float(py)), float(r))))
    return tuple(marks), tuple(patches)


def _undo(box: Box, centre: tuple[float, float], radius: float) -> np.ndarray:
    ys, xs = np.mgrid[box[1] : box[3], box[0] : box[2]] + 0.5
    distance2 = (xs - centre[0]) ** 2 + (ys - centre[1]) ** 2
    falloff: F32 = np.exp(-distance2 / (2 * (0.6 * radius) ** 2)) * (distance2 < (2 * radius) ** 2)
    return (falloff[..., None] * np.float32([0.02, 0.16, 0.13])).astype(np.float16)


def load_fake(device: str, runtime: str, trained: object = None) -> FakePolicy:
    return FakePolicy()


def install(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Let `--policy fake` and the painted face be found, and keep sidecars and logs of the user's folder in `home`."""
    patch.setattr("engine.faces.analysis.analyse", fake_analyse, raising=False)
    patch.setattr("engine.policies.registry.POLICIES", (*registry.POLICIES, ENTRY))
    patch.setenv("PORELIGHT_HOME", str(home))


def portrait(path: Path, *, seed: int = 0, depth: int = 8) -> Path:
    """Write the painted portrait; the suffix decides the format (16 bit: TIFF)."""
    pixels = synthetic_face(SIZE, seed=seed, depth=depth)[0].pixels
    path.parent.mkdir(parents=True, exist_ok=True)
    if depth == 16:
        tifffile.imwrite(path, pixels, photometric="rgb")
    else:
        Image.fromarray(pixels).save(path)
    return path


def landscape(path: Path) -> Path:
    """Write a picture without a face."""
    Image.new("RGB", (64, 48), (90, 120, 60)).save(path)
    return path
