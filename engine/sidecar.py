"""Sidecars: a photo's edits as versioned JSON beside the photo or, where that cannot be written, in the user's folder.

A sidecar holds how the retouch was sampled (`ProposalSpec`: policy and version, seed, sampler, anchor), and per face
the strengths, whether it is on, and overruled mark decisions. No pixels and no latents: both are drawn again.

Promise: on one device, with the same versions, the same sidecar gives the same pixels exactly. Between devices (CPU,
CUDA, Metal; also between ONNX Runtime and torch) floating point differs: mean at most `DEVICE_MEAN` of
full scale, and at most `DEVICE_OUTLIERS` of all pixels differ by more than `DEVICE_PEAK`: those of marks whose
confidence or outline lies on a threshold.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine import paths
from engine.clock import now
from engine.errors import SidecarError
from engine.proposal import ProposalSpec
from engine.settings import FaceSettings
from engine.types import (
    AREAS,
    BRUSHED,
    DEFAULT_STRENGTHS,
    LAYERS,
    PROPOSED,
    Box,
    Brushwork,
    Decision,
    FaceAnalysis,
    FaceEdits,
    Mark,
    OwnMark,
    Strengths,
)

VERSION: Final = 3
"""Unknown fields are refused, so every new one is a new version (here and in journals, which hold faces too): older
programs then say that a newer one wrote the file, and leave it alone."""
SUFFIX = ".porelight.json"
DEVICE_MEAN, DEVICE_PEAK, DEVICE_OUTLIERS = 0.25 / 255, 2 / 255, 0.005
_SAME_FACE = 0.5
"""Least overlap (intersection over union) of two boxes of the same face."""

Percent = Annotated[float, Field(ge=0, le=100)]


class Strict(BaseModel):
    """Data of files that are kept: nothing unknown, nothing infinite, never changed in place."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PhotoId(Strict):
    """What photo the edits are for. sha256: of the file, empty if it was not read yet; width, height: of the upright
    pixels."""

    name: str
    sha256: str
    width: int
    height: int


class MarkChoice(Strict):
    """A person's decision on one mark; centre and radius (source pixels) find it again if a new policy renames it."""

    id: str
    centre: tuple[float, float]
    radius: float
    decision: Decision


class BrushEntry(Strict):
    """Brushwork on one layer; data: zlib-compressed rows of (h, w) uint8, base64."""

    box: Box
    shape: tuple[Annotated[int, Field(gt=0, le=8192)], Annotated[int, Field(gt=0, le=8192)]]
    data: str

    @model_validator(mode="after")
    def _whole(self) -> BrushEntry:
        self.work().values()
        return self

    @classmethod
    def of(cls, work: Brushwork) -> BrushEntry:
        return cls.model_construct(box=work.box, shape=work.shape, data=base64.b64encode(work.data).decode())

    def work(self) -> Brushwork:
        return Brushwork(self.box, self.shape, base64.b64decode(self.data, validate=True))


class OwnMarkEntry(Strict):
    """A mark that the person brushed, in source pixels."""

    id: str
    points: tuple[tuple[float, float], ...] = Field(min_length=1)
    radius: Annotated[float, Field(gt=0)]


class FaceEntry(Strict):
    """A person's choices for one face. doubted: whether it is off until a person turns it on."""

    id: str
    box: Box
    enabled: bool = True
    doubted: bool = False
    amount: Percent = 50.0
    strengths: dict[Literal[LAYERS], Percent] = {}  # type: ignore[valid-type]
    preserve: Percent = 50.0
    decisions: tuple[MarkChoice, ...] = ()
    regions: dict[Literal[AREAS], dict[Literal[(*LAYERS, "amount")], Percent]] = {}  # type: ignore[valid-type]
    brushwork: dict[Literal[BRUSHED], BrushEntry] = {}  # type: ignore[valid-type]
    marks: tuple[OwnMarkEntry, ...] = ()

    @classmethod
    def of(cls, face: FaceAnalysis, edits: FaceEdits, marks: Iterable[Mark]) -> FaceEntry:
        """The entry for a face, with those of its marks that were overruled."""
        chosen = tuple(
            MarkChoice(id=mark.id, centre=mark.centre, radius=mark.radius, decision=edits.decisions[mark.id])
            for mark in marks
            if mark.id in edits.decisions
        )
        return cls.model_construct(
            id=face.id,
            box=face.box,
            enabled=edits.enabled,
            doubted=bool(face.doubt),
            amount=edits.strengths.amount,
            strengths=dict(edits.strengths.values),
            preserve=edits.preserve,
            decisions=chosen,
            regions={area: dict(values) for area, values in edits.regions.items()},
            brushwork={name: BrushEntry.of(work) for name, work in edits.brushwork.items()},
            marks=tuple(OwnMarkEntry(id=m.id, points=m.points, radius=m.radius) for m in edits.marks),
        )

    def edits(self, marks: Iterable[Mark]) -> FaceEdits:
        """These choices for the same face analysed again, whose marks may bear other ids."""
        found = list(marks)
        own = tuple(OwnMark(m.id, m.points, m.radius) for m in self.marks)
        names = {mark.id for mark in own}
        decisions = {choice.id: choice.decision for choice in self.decisions if choice.id in names}
        decisions |= {mark.id: choice.decision for choice in self.decisions if (mark := _same_mark(choice, found))}
        return FaceEdits(
            Strengths(dict(self.strengths), self.amount),
            decisions,
            self.enabled,
            self.regions,
            {name: entry.work() for name, entry in self.brushwork.items()},
            own,
            self.preserve,
        )


PLAIN: Final = FaceEntry(id="", box=(0, 0, 1, 1))
"""What stands there for a face of which nothing was chosen."""


class Sidecar(Strict):
    """The whole file. boxes: face boxes that a person set by hand, None if faces were found by detection. settings: for
    faces without an entry, on photos that settings were given to before they were first retouched."""

    version: Literal[3] = VERSION
    application: str = ""
    saved: str = ""
    photo: PhotoId
    boxes: tuple[Box, ...] | None = None
    proposal: ProposalSpec | None = None
    faces: tuple[FaceEntry, ...] = ()
    settings: FaceSettings | None = None

    def face_entries(self, faces: Sequence[FaceAnalysis]) -> dict[str, FaceEntry]:
        """Face id → saved entry, by overlap of boxes: each entry goes to the free face that it overlaps most."""
        found: dict[str, FaceEntry] = {}
        for entry in self.faces:
            free = [face for face in faces if face.id not in found]
            best = max(free, key=lambda face: overlap(face.box, entry.box), default=None)
            if best is not None and overlap(best.box, entry.box) >= _SAME_FACE:
                found[best.id] = entry
        return found


def identify(path: Path, size: tuple[int, int]) -> PhotoId:
    """The identity of a photo file. size: (width, height) of its upright pixels. Raises: OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = path.name.encode("utf-8", "backslashreplace").decode()  # a name may hold bytes that are no text
    return PhotoId(name=name, sha256=digest, width=size[0], height=size[1])


def beside(photo: Path) -> Path:
    """The sidecar's place beside its photo."""
    return photo.with_name(photo.name + SUFFIX)


def in_user_folder(photo: Path) -> Path:
    """The sidecar's place in the person's own folder; the name tells photos of the same name apart."""
    return paths.user_sidecars() / f"{paths.own_name(photo)}{SUFFIX}"


def load(photo: Path) -> Sidecar | None:
    """The photo's sidecar, or None if it has none; of two, the one saved later.

    Raises: SidecarError if one is damaged or of a newer version; nothing is changed then.
    """
    found = [read(path) for path in (beside(photo), in_user_folder(photo)) if _exists(path)]
    return max(found, key=lambda sidecar: sidecar.saved, default=None)


def read(path: Path) -> Sidecar:
    """Read and check one sidecar file. Raises: SidecarError."""
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise SidecarError(f"The sidecar {path.name} cannot be read: {error.strerror}.", "Check its rights.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path.name, "it is not the JSON of a sidecar") from error
    return parse(data, path.name)


def parse(data: object, name: str) -> Sidecar:
    """A sidecar from its JSON data, of this version or an older one. name: for messages. Raises: SidecarError."""
    if not isinstance(data, dict) or "version" not in data:
        raise _damaged(name, "it is not the JSON of a sidecar")
    version = data["version"]
    if isinstance(version, int) and version > VERSION:
        raise SidecarError(
            f"The sidecar {name} was written by a newer Porelight (format {version}, known is {VERSION}).",
            "Update Porelight; the file is left as it is.",
            newer=True,
        )
    try:
        return Sidecar.model_validate_json(json.dumps(_upgraded(data)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise _damaged(name, f"{where}: {first['msg']}") from error


def _upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """Data of an older version as of this one: in 1 a strength that was not named was 50 for every layer; before 3 no
    face was doubted."""
    faces = data.get("faces")
    if data["version"] == 1 and isinstance(faces, list):
        faces = [
            {**face, "strengths": {**dict.fromkeys(LAYERS, PROPOSED), **face.get("strengths", {})}}
            if isinstance(face, dict) and isinstance(face.get("strengths", {}), dict)
            else face
            for face in faces
        ]
        data = {**data, "faces": faces}
    return {**data, "version": VERSION} if data["version"] in (1, 2) else data


def save(sidecar: Sidecar, photo: Path, *, user_folder: bool = False) -> Path:
    """Write the sidecar beside the photo, or in the person's folder if asked or if the photo's cannot be written.

    A damaged sidecar in its place is kept under another name; one of a newer version is never replaced.
    Returns: where it was written. Raises: SidecarError.
    """
    data = sidecar.model_copy(update={"saved": now()}).model_dump_json(indent=1).encode() + b"\n"
    own = in_user_folder(photo)
    place = own if user_folder else beside(photo)
    for path in dict.fromkeys((place, own)):
        if _exists(path):
            _make_room(path)
    try:
        return paths.write_either(place, own, data)
    except OSError as error:
        message = f"The sidecar of {photo.name} cannot be written: {error.strerror}."
        raise SidecarError(message, "Free space or change the rights.") from error


def untouched(data: Mapping[str, Any]) -> bool:
    """Whether a sidecar, as it lies in its file, holds no choice of a person: everything was taken back."""
    data = _upgraded(dict(data))
    plain = PLAIN.model_dump(mode="json", exclude={"id", "box", "strengths", "enabled", "doubted"})
    whole = data.get("version") == VERSION and data.get("boxes") is None and data.get("settings") is None
    return (
        whole
        and (data.get("proposal") or {}).get("anchor") is None
        and all(face.get(name, value) == value for face in data["faces"] for name, value in plain.items())
        and all(face.get("enabled", True) != face.get("doubted", False) for face in data["faces"])
        and all({**DEFAULT_STRENGTHS, **face.get("strengths", {})} == DEFAULT_STRENGTHS for face in data["faces"])
    )


def saved_at(photo: Path) -> str:
    """When the photo's sidecar was saved, as it says itself; empty if there is none or it does not say."""
    try:
        saved = load(photo)
    except SidecarError:
        return ""
    return saved.saved if saved is not None else ""


def set_aside(photo: Path) -> Path | None:
    """Give the photo's sidecar beside it another name, so that a new one does not replace it. Raises: SidecarError."""
    path = next((each for each in (beside(photo), in_user_folder(photo)) if _exists(each)), None)
    if path is None:
        return None
    other = paths.spare_name(path, "other")
    try:
        path.replace(other)
    except OSError as error:
        message = f"The sidecar {path.name}, which another program wrote, cannot be kept."
        raise SidecarError(message, "Check the rights of its folder; nothing was saved.") from error
    return other


def give(photo: Path, settings: FaceSettings, *, user_folder: bool = False) -> Path:
    """Give settings to every face of a photo, whether its sidecar knows the faces or not; saved as by `save`.

    Raises: SidecarError.
    """
    saved = load(photo)
    if saved is None:
        name = photo.name.encode("utf-8", "backslashreplace").decode()
        saved = Sidecar(photo=PhotoId(name=name, sha256="", width=0, height=0))
    strengths = settings.strengths
    values = {
        "amount": strengths.amount,
        "strengths": dict(strengths.values),
        "preserve": settings.preserve,
        "regions": {area: dict(values) for area, values in settings.regions.items()},
    }
    faces = tuple(face.model_copy(update=values) for face in saved.faces)
    return save(saved.model_copy(update={"faces": faces, "settings": settings}), photo, user_folder=user_folder)


def exchange(photo: Path, held: Sidecar | None, new: Sidecar | None, *, user_folder: bool = False) -> bool:
    """Put `new` in the place of the photo's sidecar, if that is still `held`; None is no sidecar. Returns: whether.

    Raises: SidecarError.
    """
    if load(photo) != held:
        return False
    if new is not None:
        save(new, photo, user_folder=user_folder)
        return True
    try:
        for path in (beside(photo), in_user_folder(photo)):
            path.unlink(missing_ok=True)
    except OSError as error:
        message = f"The sidecar of {photo.name} cannot be removed: {error.strerror}."
        raise SidecarError(message, "Change the rights.") from error
    return True


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def entries(
    faces: Sequence[FaceAnalysis], edits: Mapping[str, FaceEdits], marks: Mapping[str, Sequence[Mark]]
) -> tuple[FaceEntry, ...]:
    """Entries of all faces; edits and marks by face id."""
    return tuple(FaceEntry.of(face, edits.get(face.id, FaceEdits()), marks.get(face.id, ())) for face in faces)


def _same_mark(choice: MarkChoice, marks: Sequence[Mark]) -> Mark | None:
    """The mark that a choice was made for: the nearest whose centre lies within the larger radius."""

    def distance(mark: Mark) -> float:
        return float((mark.centre[0] - choice.centre[0]) ** 2 + (mark.centre[1] - choice.centre[1]) ** 2) ** 0.5

    best = min(marks, key=distance, default=None)
    return best if best is not None and distance(best) <= max(best.radius, choice.radius, 1.0) else None


def _damaged(name: str, what: str) -> SidecarError:
    return SidecarError(f"The sidecar {name} is damaged: {what}.", "Repair it, or move it away to start afresh.")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for this file system
        return False


def _make_room(path: Path) -> None:
    """Keep a damaged sidecar under a free name before another takes its place. Raises: SidecarError if newer."""
    try:
        read(path)
    except SidecarError as error:
        if error.context.get("newer"):
            raise
        try:
            path.replace(paths.spare_name(path, "damaged"))
        except OSError as problem:
            message = f"The damaged sidecar {path.name} cannot be moved away."
            raise SidecarError(message, "Check the rights of its folder.") from problem
