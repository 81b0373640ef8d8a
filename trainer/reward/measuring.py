"""Features of a store's candidates: measured from the files that were judged, or from pictures rendered again.

What is measured is kept in the store, so that picks outlive photos that move or vanish.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.errors import EngineError, ModelMissingError, NoFaceError
from engine.imageio.read import read_photo
from engine.jobs import CancelToken, Progress, Report, silent
from engine.policies.versions import SHIPPED
from engine.session import RetouchSession
from engine.sidecar import Sidecar
from engine.types import F32, Box, FaceAnalysis, Photo, Pixels
from trainer.picks.files import sha256_of
from trainer.picks.records import Candidate
from trainer.picks.store import PickStore, with_features
from trainer.reward.features import VERSION, FeatureMeter, may_lack, names_with

if TYPE_CHECKING:
    from engine.policies.base import Policy
    from trainer.reward.encoder import Encoder

Load = Callable[[str, str], "Policy"]
"""(policy, version) → that policy; raises EngineError if it is not here."""
Boxes = tuple[Box, ...] | None
"""Face boxes that a person set, None if faces are found."""


@dataclass
class Measured:
    """features: candidate → (f,), NaN of what it was measured without (`may_lack`) and cannot be measured any more.
    missing: candidate → why it could not be measured, one sentence."""

    features: dict[str, F32] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class OpenFace:
    """One face of one photo, analysed, with its mark ledger: measures any number of results.

    Args:
        policy: the shipped one; it finds the marks. encoder: that looks too.
    """

    def __init__(
        self,
        photo: Path,
        policy: Policy,
        face: str = "",
        session: RetouchSession | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self.session = session or RetouchSession.open(photo)
        if not self.session.faces:
            self.session.analyse()
            self.session.require_faces()
        self.face = _face(self.session, face)
        condition = policy.encode(self.session.photo, self.face)
        marks = policy.decode(policy.noise(condition, 0), self.session.photo, condition).marks
        self._meter = FeatureMeter(self.session.photo, condition.face, marks, encoder)

    def measure(self, pixels: Pixels) -> F32:
        """(f,) features of pixels of the photo's size, depth and profile."""
        return self._meter.measure(pixels)

    def measure_file(self, path: Path) -> F32:
        """(f,) features of a finished picture of the same photo, of any format, size and profile.

        Raises: EngineError, also for a picture of another photo."""
        return self._meter.measure_photo(fitted(read_photo(path), self.session.photo.size))


def fitted(picture: Photo, size: tuple[int, int]) -> Photo:
    """A picture resampled to (width, height) if it is of another size."""
    from dataclasses import replace

    if picture.size == size:
        return picture
    shrinks = picture.size[0] > size[0]
    mode = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return replace(picture, pixels=np.ascontiguousarray(cv2.resize(picture.pixels, size, interpolation=mode)))


def kept(store: PickStore, names: Sequence[str]) -> dict[str, F32]:
    """Candidate → features that the store keeps; NaN of those that it was measured without (`may_lack`)."""
    return store.features(VERSION, names, may_lack(names))


def measure_candidates(
    store: PickStore,
    wanted: Iterable[str],
    load: Load,
    *,
    encoder: Encoder | None = None,
    token: CancelToken | None = None,
    report: Report = silent,
) -> Measured:
    """Features of the wanted candidates: those kept in the store, and the others measured now and kept there if it is
    sound.

    load: gives policies to find marks and to render. encoder: that looks too; pictures that were measured when it was
    not there are looked at now, as far as they can still be made. Raises: PickStoreError, Cancelled; a photo or
    picture that is gone is no error but `missing`.
    """
    token = token or CancelToken()
    names = names_with(encoder.digest if encoder else "")
    candidates, known = store.candidates(), kept(store, names)
    keys = [key for key in dict.fromkeys(wanted) if key in candidates]
    done = Measured({key: known[key] for key in keys if key in known})
    by_photo: dict[tuple[str, str, Boxes], dict[str, Candidate]] = defaultdict(dict)
    for key in keys:
        if key not in known or np.isnan(known[key]).any():
            each = candidates[key]
            boxes = each.retouch.boxes if each.retouch else None
            by_photo[each.photo, each.face, boxes][key] = each
    for number, ((photo, face, boxes), group) in enumerate(by_photo.items()):
        token.check()
        report(Progress("measure", number / len(by_photo)))
        found = _measure_group(store, photo, face, boxes, group, load, encoder, token)
        if not store.damage:  # nothing is added to a damaged store
            with_features(store, VERSION, names, found.features)
        done.features |= found.features
        done.missing |= {key: why for key, why in found.missing.items() if key not in known}
    report(Progress("measure", 1.0))
    return done


def _measure_group(
    store: PickStore,
    photo: str,
    face: str,
    boxes: Boxes,
    group: Mapping[str, Candidate],
    load: Load,
    encoder: Encoder | None,
    token: CancelToken,
) -> Measured:
    """Candidates of one face; whatever goes wrong is said of each candidate it concerns."""
    found = Measured()
    try:
        session = RetouchSession.open(whole_file(store, photo))
        session.analyse(boxes)
        session.require_faces()
        opened = OpenFace(session.photo.path, load(SHIPPED, ""), face, session, encoder)
    except EngineError as error:
        found.missing = dict.fromkeys(group, error.message)
        return found
    for key, candidate in group.items():
        token.check()
        try:
            found.features[key] = _measure_one(store, opened, candidate, load)
        except EngineError as error:
            found.missing[key] = error.message
    return found


def _measure_one(store: PickStore, opened: OpenFace, candidate: Candidate, load: Load) -> F32:
    """The judged file if it is still there, else the picture rendered again."""
    if candidate.picture is not None:
        try:
            return opened.measure_file(whole_file(store, candidate.picture))
        except EngineError:
            if candidate.retouch is None:
                raise
    assert candidate.retouch is not None
    return opened.measure(render(opened.session, candidate.retouch, load))


def render(session: RetouchSession, retouch: Sidecar, load: Load) -> Pixels:
    """The pixels that a candidate stands for, of an analysed session. Raises: EngineError."""
    assert retouch.proposal is not None, "a candidate's retouch holds a proposal"
    policy = load(retouch.proposal.policy, retouch.proposal.policy_version)
    session.adopt(session.draw(policy, retouch.proposal))
    session.apply(retouch)
    return session.render()


class Drawing:
    """Draws candidates that have no file any more, for exports (`trainer.picks.exchange.Draw`)."""

    def __init__(self, store: PickStore, load: Load | None = None) -> None:
        self._store, self._load = store, load or Loaded()
        self._open: tuple[object, RetouchSession] | None = None

    def __call__(self, candidate: Candidate, target: Path) -> None:
        """Raises: EngineError."""
        assert candidate.retouch is not None, "only a candidate with a retouch can be drawn"
        key = candidate.photo, candidate.retouch.boxes
        if self._open is None or self._open[0] != key:
            session = RetouchSession.open(whole_file(self._store, candidate.photo))
            session.analyse(candidate.retouch.boxes)
            self._open = key, session
        session = self._open[1]
        session.export(target, pixels=render(session, candidate.retouch, self._load))


def missing_files(store: PickStore) -> list[str]:
    """A sentence for each photo or picture of a pick that is not where it was."""
    candidates = store.candidates().values()
    said = []
    for digest in sorted({each.photo for each in candidates} | {each.picture for each in candidates if each.picture}):
        try:
            whole_file(store, digest)
        except MissingFileError as error:
            said.append(error.message)
    return said


def whole_file(store: PickStore, sha256: str) -> Path:
    """Where a file with these bytes lies now. Raises: MissingFileError."""
    places = store.places(sha256)
    for path in places:
        if sha256_of(path) == sha256:
            return path
    where = f"{places[0].name} (last seen in {places[0].parent})" if places else "of a pick"
    raise MissingFileError(f"The file {where} is gone or has changed.", "Put it back, or withdraw its picks.")


def photos_of(store: PickStore) -> list[Path]:
    """The photos of all picks, those left out that are gone or have changed. Raises: MissingFileError if all are."""
    found, problem = [], None
    for photo in dict.fromkeys(pick.photo for pick in store.picks()):
        try:
            found.append(whole_file(store, photo))
        except MissingFileError as error:
            problem = error
    if problem is not None and not found:
        raise problem
    return found


class MissingFileError(EngineError):
    """A photo or picture of a pick is not where it was."""

    code = "missing_file"


class Loaded:
    """Gives policies of the very version that is asked for, "" for whatever version is here; each is loaded once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Policy] = {}

    def __call__(self, name: str, version: str) -> Policy:
        """Raises: ModelMissingError, ModelCorruptError, UsageError."""
        from engine.policies.registry import load_policy, remembered

        if (name, version) not in self._known:
            policy = load_policy(remembered(name, version) if version else name)
            if version and policy.info.version != version:
                raise ModelMissingError(
                    f"A picture was drawn by {name} {version}, which is not here (there is {policy.info.version}).",
                    "Import that policy, or pick again.",
                )
            self._known[name, version] = policy
        return self._known[name, version]


def _face(session: RetouchSession, face: str) -> FaceAnalysis:
    """The face of that id; "" is the largest. Raises: NoFaceError."""
    if not face:
        return max(session.faces, key=lambda each: each.width)
    for each in session.faces:
        if each.id == face:
            return each
    raise NoFaceError(f"{session.photo.path.name} shows no face {face!r} any more.", "Pick again from this photo.")
