"""What was done to a photo, measured on the final pixels and not taken from the renderer's word, as plain JSON data."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine import paths
from engine.errors import ExportError
from engine.metrics.change import changed, mask_support, max_difference_outside
from engine.types import Box, Decision, FaceAnalysis, FaceEdits, Photo, Pixels, RetouchLayers

REPORT_VERSION = 1
VERSIONED = ("numpy", "torch", "mediapipe", "onnxruntime", "opencv-python", "pillow", "diffusers")


@dataclass(frozen=True)
class MarkReport:
    """One mark of the ledger. contrast_before, contrast_after: mean ΔE76 to the skin around it, None at an edge."""

    id: str
    kind: str
    centre: tuple[float, float]
    radius: float
    confidence: float
    decided_by: str
    contrast_before: float | None
    contrast_after: float | None


@dataclass(frozen=True)
class FaceReport:
    """One face.

    width and box in source pixels; doubt: why it is off unless a person turned it on; changed_fraction: of the pixels
    that its mask allows to change; texture_retention: pore band on skin outside marks, after/before; tone_change:
    mean L*, a*, b* difference and mean ΔE00 there; blotchiness: spread in the blotch band there, before and after;
    identity_distance: between embeddings before and after (0.3 and more is drift).
    """

    id: str
    box: Box
    width: float
    pose: tuple[float, float, float]
    confidence: float
    enabled: bool
    doubt: str
    strengths: dict[str, float]
    marks_removed: tuple[MarkReport, ...]
    marks_kept: tuple[MarkReport, ...]
    changed_fraction: float
    texture_retention: float | None
    tone_change: dict[str, float]
    blotchiness: dict[str, dict[str, float]]
    identity_distance: float | None


@dataclass(frozen=True)
class PhotoReport:
    """One photo. outside_difference: greatest difference outside all masks, in the photo's own units; must be 0."""

    size: tuple[int, int]
    depth: int
    changed_fraction: float
    outside_difference: int
    faces: tuple[FaceReport, ...]
    skipped_faces: tuple[dict[str, Any], ...] = ()
    proposal: dict[str, Any] = field(default_factory=dict)
    device: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


def measure(
    photo: Photo, final: Pixels, faces: Sequence[FaceAnalysis], done: Sequence[tuple[RetouchLayers, FaceEdits]]
) -> PhotoReport:
    """Compare the final pixels with the photo's. final: (H, W, 3), the photo's dtype. done: in the order of faces."""
    different = changed(photo.pixels, final)
    reports = []
    for face, (layers, edits) in zip(faces, done, strict=True):
        (x0, y0, x1, y1), allowed = mask_support(layers, photo.size)
        share = float(different[y0:y1, x0:x1][allowed].mean()) if allowed.any() else 0.0
        reports.append(_face_report(photo, final, face, layers, edits, share))
    return PhotoReport(
        size=photo.size,
        depth=photo.depth,
        changed_fraction=float(different.mean()),
        outside_difference=max_difference_outside(photo.pixels, final, [layers for layers, _ in done], different),
        faces=tuple(reports),
    )


def _face_report(
    photo: Photo, final: Pixels, face: FaceAnalysis, layers: RetouchLayers, edits: FaceEdits, share: float
) -> FaceReport:
    from engine.metrics.colour import tone_change
    from engine.metrics.crop import (
        COARSER,
        LEAST_SKIN,
        clean_skin,
        lab_on,
        measuring_grid,
        reduced,
        region_on,
        width_on,
    )
    from engine.metrics.marks import probes
    from engine.metrics.texture import blotchiness, texture_retention

    grid = measuring_grid(face)
    before, after = lab_on(photo, grid), lab_on(photo, grid, final)
    skin, width = clean_skin(face, grid, layers.marks), width_on(face, grid)
    enough = skin.sum() >= LEAST_SKIN
    coarse = [reduced(plane, COARSER) for plane in (before, after, skin)]
    tone = asdict(tone_change(*coarse)) if enough else {}
    blotches = {
        name: asdict(blotchiness(lab, coarse[2], width / COARSER))
        for name, lab in zip(("before", "after"), coarse[:2], strict=True)
        if enough
    }
    retention = texture_retention(before, after, skin, width) if enough else None
    own = {mark.id for mark in edits.marks}
    healed = edits.enabled and edits.strengths.factor("heal") > 0
    removed: list[MarkReport] = []
    kept: list[MarkReport] = []
    probe_of = {probe.mark.id: probe for probe in probes(layers.marks, grid, region_on(face, grid, "skin"))}
    for mark in layers.marks:
        probe = probe_of.get(mark.id)
        decision = edits.decisions.get(mark.id, mark.decision)
        report = MarkReport(
            mark.id,
            mark.kind.value,
            mark.centre,
            mark.radius,
            mark.confidence,
            "person" if mark.id in edits.decisions or mark.id in own else "policy",
            probe.contrast(before) if probe else None,
            probe.contrast(after) if probe else None,
        )
        (removed if healed and decision is Decision.REMOVE else kept).append(report)
    return FaceReport(
        face.id,
        face.box,
        face.width,
        face.pose,
        face.confidence,
        edits.enabled,
        face.doubt,
        {**edits.strengths.values, "amount": edits.strengths.amount},
        tuple(removed),
        tuple(kept),
        share,
        retention,
        tone,
        blotches,
        _identity_distance(photo, final, face),
    )


def _identity_distance(photo: Photo, final: Pixels, face: FaceAnalysis) -> float | None:
    """Distance of the embeddings of the face before and after, None where analysis made none."""
    if face.embedding is None:
        return None
    from engine.faces.identity import distance
    from engine.metrics.likeness import embedded

    return distance(face.embedding, embedded(photo, final, face))


# --- the file ---------------------------------------------------------------------------------------------------------


@functools.cache
def porelight_version() -> str:
    """This program's version; "0" when it is run without being installed."""
    try:
        return importlib.metadata.version("porelight")
    except importlib.metadata.PackageNotFoundError:
        return "0"


@functools.cache
def versions() -> dict[str, str]:
    """Versions of this program, Python, the system and the packages that decide pixels."""
    found = {"porelight": porelight_version(), "python": platform.python_version(), "system": platform.platform()}
    for name in VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def write_report(path: Path, photos: Sequence[dict[str, Any]], counts: dict[str, int]) -> None:
    """Write the report of a batch as JSON, atomically. Raises: ExportError."""
    data = {"version": REPORT_VERSION, "versions": versions(), "counts": counts, "photos": list(photos)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        paths.write_atomic(path, (json.dumps(_plain(data), indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"The report {path.name} cannot be written: {reason}.", "Choose another place.") from error


def as_json(report: PhotoReport) -> dict[str, Any]:
    """Plain data with numbers rounded to what they mean."""
    return dict(_plain(asdict(report)))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), 5) if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    # a file name may hold bytes that are no UTF-8; they are shown escaped
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
