"""Measure every retoucher on every face of the cases: our policy, results of others, classical tools."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.errors import ColourProfileError, EngineError, ImageReadError
from engine.evaluation import classical
from engine.evaluation.cases import Case
from engine.evaluation.pictures import FacePictures, face_pictures, save_crop
from engine.evaluation.summary import BEFORE, Row
from engine.jobs import CancelToken, Progress, Report, silent
from engine.metrics.crop import lab_on, measuring_grid
from engine.metrics.dimensions import PairMeter
from engine.metrics.iqa import Backend
from engine.types import F32, Decision, FaceAnalysis, FaceGrid, Mark, Photo, Pixels

if TYPE_CHECKING:
    from engine.metrics.likeness import ArcFace
    from engine.policies.base import Policy

OURS = "Porelight"


@dataclass(frozen=True)
class Tools:
    """What to measure with. policy: retouches every photo too, unless None. classical: also the classical tools.
    seed: of samples; None for the typical retouch. pictures: faces of which pictures are kept for the page."""

    policy: Policy | None = None
    classical: bool = False
    arcface: ArcFace | None = None
    backend: Backend | None = None
    seed: int | None = None
    pictures: int = 24


@dataclass
class Evaluation:
    """All rows, in the order of cases and retouchers; photos left out with the reason; pictures of the first faces;
    notes: what differs from a plain comparison, for people."""

    rows: list[Row] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    pictures: list[FacePictures] = field(default_factory=list)
    sets: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def evaluate(
    cases: Sequence[Case], tools: Tools, token: CancelToken | None = None, report: Report = silent
) -> Evaluation:
    """Measure all cases; a photo that cannot be read or shows no face is left out with the reason.

    Raises: Cancelled, and ModelMissingError or ModelCorruptError for the program's own models.
    """
    token, found = token or CancelToken(), Evaluation()
    with tempfile.TemporaryDirectory(prefix="porelight-") as name:
        crops = Path(name)
        for index, case in enumerate(cases):
            token.check()
            report(Progress("evaluate", index / max(len(cases), 1), case.name))
            try:
                _case(case, tools, found, crops, token)
            except (ImageReadError, ColourProfileError) as error:
                found.left_out[case.name] = error.message
        if tools.backend is not None:
            found.sets = _sets(tools.backend, crops)
    report(Progress("evaluate", 1.0))
    return found


class _NotComparableError(EngineError):
    code = "not_comparable"


def _case(case: Case, tools: Tools, found: Evaluation, crops: Path, token: CancelToken) -> None:
    from engine.session import RetouchSession

    session = RetouchSession.open(case.before)
    session.analyse()
    if not session.faces:
        reasons = "; ".join(skipped.reason.rstrip(".") for skipped in session.skipped)
        found.left_out[case.name] = f"No face that can be retouched{f' ({reasons})' if reasons else ''}."
        return
    results: dict[str, Pixels] = {}
    if tools.policy is not None:
        session.propose(tools.policy, seed=tools.seed, token=token)
        results[OURS] = session.render()
    for name, path in case.results.items():
        try:
            results[name] = _read_result(session.photo, path)
        except EngineError as error:
            found.left_out[f"{case.name}: {name}"] = error.message
    if tools.classical:
        for method in classical.METHODS:
            token.check()
            results[method] = classical.retouch(session.photo, session.faces, method)
    for face in session.faces:
        token.check()
        _face(case.name, session.photo, face, results, tools, found, crops)


def _read_result(photo: Photo, path: Path) -> Pixels:
    """A result in the photo's own size, depth and encoding. Raises: ImageReadError, ColourProfileError,
    _NotComparableError."""
    from engine.imageio.colour import converted
    from engine.imageio.read import read_photo

    other = read_photo(path)
    (w, h), (ow, oh) = photo.size, other.size
    if abs(w / h - ow / oh) > 0.01 * w / h:
        raise _NotComparableError(
            f"{path.name} is {ow}×{oh} pixels and cannot be laid on its photo of {w}×{h}.", "Give results uncropped."
        )
    if other.size == photo.size and other.icc == photo.icc and other.pixels.dtype == photo.pixels.dtype:
        return other.pixels
    values = converted(other.pixels, other.icc, None)
    if other.size != photo.size:
        method = cv2.INTER_AREA if ow > w else cv2.INTER_CUBIC
        values = np.asarray(cv2.resize(values, (w, h), interpolation=method), np.float32)
    encoded = converted(np.ascontiguousarray(values), None, photo.icc)
    full = np.iinfo(photo.pixels.dtype).max
    return np.asarray(np.rint(np.clip(encoded, 0, 1) * full), photo.pixels.dtype)


def _face(
    name: str,
    photo: Photo,
    face: FaceAnalysis,
    results: Mapping[str, Pixels],
    tools: Tools,
    found: Evaluation,
    crops: Path,
) -> None:
    """Measure one face by every retoucher."""
    from engine.metrics.geometry import landmark_drift
    from engine.metrics.likeness import identity_distance

    grid = measuring_grid(face)
    before = lab_on(photo, grid)
    after = {method: lab_on(photo, grid, pixels) for method, pixels in results.items()}
    marks = _marks(face, before, after, grid)
    meter = PairMeter(face, before, marks, grid)
    removable = sum(probe.mark.decision is Decision.REMOVE for probe in meter.probes)
    counts = removable, len(meter.probes) - removable
    drifts = landmark_drift(photo, list(results.values()), face)
    label = f"{name} {face.id}"
    number = len({(row.photo, row.face) for row in found.rows})
    paper = _paper(tools, photo, photo.pixels, face, crops / BEFORE / f"{number}.png")
    found.rows.append(
        Row(name, face.id, BEFORE, meter.measure(before, landmark_drift=0, identity_distance=0), paper, counts)
    )
    for (method, pixels), drift in zip(results.items(), drifts, strict=True):
        measures = meter.measure(
            after[method], landmark_drift=drift, identity_distance=identity_distance(photo, pixels, face)
        )
        paper = _paper(tools, photo, pixels, face, crops / method.replace("/", "-") / f"{number}.png")
        found.rows.append(Row(name, face.id, method, measures, paper, counts))
    if len(found.pictures) < tools.pictures and results:
        found.pictures.append(face_pictures(label, photo, face, results, marks))


def _marks(face: FaceAnalysis, before: F32, after: Mapping[str, F32], grid: FaceGrid) -> tuple[Mark, ...]:
    """Spots found without any network. Where several retouchers can be asked, those to remove that none of them took
    for a mark are left out; where only one can, those of which the colour alone says what they are stay."""
    from engine.metrics.spots import agreed, find_spots

    spots = find_spots(face, before, grid)
    askable = [lab for method, lab in after.items() if method not in classical.METHODS]
    if len(askable) > 1:
        return agreed(spots, before, askable, grid)
    return tuple(spot for spot in spots if spot.confidence == 1)


def _paper(tools: Tools, photo: Photo, pixels: Pixels, face: FaceAnalysis, crop: Path) -> dict[str, float]:
    """Scores of the paper's table for one picture of a face, as far as there is something to measure them with."""
    scores: dict[str, float] = {}
    if tools.backend is not None and tools.backend.available:
        save_crop(crop, replace(photo, pixels=pixels), face)
        scores |= tools.backend.judge(crop)
    if tools.arcface is not None:
        scores["ArcFace"] = tools.arcface.similarity(photo, pixels, face)
    return {title: score for title, score in scores.items() if math.isfinite(score)}


def _sets(backend: Backend, crops: Path) -> dict[str, dict[str, float]]:
    """Retoucher's folder name → title → distance of its faces from those before."""
    before = crops / BEFORE
    if not before.is_dir():
        return {}
    folders = sorted(path for path in crops.iterdir() if path.is_dir() and path != before)
    return {folder.name: backend.compare(folder, before) for folder in folders}
