"""Pictures of a training: the same samples over time, and comparisons at 100% through the product's own path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from engine.errors import EngineError
from engine.imageio.colour import from_lab, to_srgb8
from engine.layers.render import render
from engine.metrics.geometry import landmark_drift
from engine.metrics.likeness import identity_distance
from engine.policies.base import Policy, TrainablePolicy
from engine.proposal import Drawer, ProposalSpec
from engine.session import RetouchSession
from engine.types import F32, Box, FaceAnalysis, FaceEdits, Photo, Pixels
from trainer.grpo.faces import PhotoFace
from trainer.grpo.rollout import Group
from trainer.runs import Run, unwritable

STRIP_FACES: Final = 3
COMPARED: Final = 4
"""Unseen faces that are rendered at native size, before and after, and measured with identity and landmarks."""
CROP: Final = 340
"""Side of the crops shown at 100%, in source pixels."""


@dataclass(frozen=True)
class Comparison:
    """One unseen face at 100%: PNG files' contents of the photo, of the policy before and of the trained one."""

    photo: bytes
    before: bytes
    after: bytes


def save_samples(run: Run, step: int, faces: Sequence[PhotoFace], groups: Sequence[Group]) -> list[str]:
    """Write the first plain sample of some faces. Returns: file names within the run. Raises: RunError."""
    names = []
    try:
        (run.folder / "samples").mkdir(exist_ok=True)
        for group in groups[:STRIP_FACES]:
            name = f"samples/step-{step:06d}-face-{group.index}.png"
            (run.folder / name).write_bytes(png(_middle(_shown(faces[group.index].after(group.latents[:1])))))
            names.append(name)
    except OSError as error:
        raise unwritable(run.folder, error) from error
    return names


def compare(
    policy: TrainablePolicy, faces: Sequence[PhotoFace]
) -> tuple[list[Comparison], dict[str, tuple[float, float]]]:
    """Native renderings of some unseen faces by both policies; and of the measures that need whole photos, name →
    (before, trained) means. Photos that are gone by now are left out."""
    shown: list[Comparison] = []
    measured: dict[str, list[list[float]]] = {"identity_distance": [], "landmark_drift": []}
    for face in faces[:COMPARED]:
        try:
            session = RetouchSession.open(face.path)
            session.analyse()
            analysis = session.face(face.key.rpartition("/")[2])
        except EngineError:
            continue
        photo = session.photo
        results = [_render(each, photo, analysis) for each in (policy.reference(), policy)]
        measured["identity_distance"].append([identity_distance(photo, pixels, analysis) for pixels in results])
        measured["landmark_drift"].append(landmark_drift(photo, results, analysis))
        crop = _cheek(photo, analysis)
        shown.append(Comparison(*(png(_cut(photo, pixels, crop)) for pixels in (photo.pixels, *results))))
    return shown, {name: tuple(np.nanmean(np.array(v), 0)) for name, v in measured.items() if np.isfinite(v).any()}


def _render(policy: Policy, photo: Photo, face: FaceAnalysis) -> Pixels:
    """Pixels of the photo with this face retouched as the product proposes it."""
    condition = policy.encode(photo, face)
    latent = Drawer(policy, condition).latent(ProposalSpec.of(policy.info))
    return render(photo, ((policy.decode(latent, photo, condition), FaceEdits()),))


def _cheek(photo: Photo, face: FaceAnalysis) -> Box:
    """A square around the cheek of the face, inside the photo."""
    mask = face.regions["cheeks"]
    rows, columns = np.nonzero(mask > 0.5)
    centre = face.landmarks.mean(0)
    if rows.size:
        left = columns < np.median(columns)
        centre = face.grid.to_source(np.array([[columns[left].mean(), rows[left].mean()]], np.float32))[0]
    side = min(CROP, *photo.size)
    x = int(np.clip(centre[0] - side / 2, 0, photo.size[0] - side))
    y = int(np.clip(centre[1] - side / 2, 0, photo.size[1] - side))
    return x, y, x + side, y + side


def _cut(photo: Photo, pixels: Pixels, box: Box) -> Pixels:
    x0, y0, x1, y1 = box
    return to_srgb8(np.ascontiguousarray(pixels[y0:y1, x0:x1]), photo.icc)


def _middle(pixels: Pixels) -> Pixels:
    """The middle of a face's grid, at most `CROP` wide and high."""
    h, w = pixels.shape[:2]
    y, x = max(0, (h - CROP) // 2), max(0, (w - CROP) // 2)
    return np.ascontiguousarray(pixels[y : y + CROP, x : x + CROP])


def _shown(lab: F32) -> Any:
    return np.round(np.clip(from_lab(lab, None), 0, 1) * 255).astype(np.uint8)


def png(srgb: Pixels) -> bytes:
    """(h, w, 3) uint8 sRGB as a PNG file."""
    done, data = cv2.imencode(".png", cv2.cvtColor(srgb, cv2.COLOR_RGB2BGR))
    assert done
    return bytes(data)
