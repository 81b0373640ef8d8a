"""One sitting of picks as it runs in the worker: draws candidates, asks, records, and makes the pictures. No Qt.

All methods run on one thread, because the store's connection belongs to the thread that opened it.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from app.language import said
from app.viewmodels.engine import Engine
from app.viewmodels.frames import U8, Request
from app.viewmodels.variations import Taken
from engine.clock import now
from engine.errors import EngineError
from engine.jobs import CancelToken, Progress, Report, share, silent
from engine.proposal import EXPLORATION
from engine.types import F32, Box, FaceAnalysis

if TYPE_CHECKING:
    from engine.proposal import ProposalSpec
    from engine.session import RetouchSession
    from trainer.picks import session as picks
    from trainer.picks.exchange import Count
    from trainer.picks.records import Candidate, Preference
    from trainer.picks.store import PickStore

COUNT: Final = 6
"""Candidates that are drawn of a photo at a time."""
PICTURE: Final = 2400
"""Long side of the pictures, in pixels, at most the face's own: at 100% pores are judged as they are in the photo."""
KEPT_PICTURES: Final = 24
KEPT_PHOTOS: Final = 2


@dataclass(frozen=True)
class Shown:
    """A question with its pictures, by their places: (h, w, 3) uint8, of one size. name: of the photo."""

    question: picks.Question
    pictures: tuple[U8, ...]
    original: U8
    name: str


@dataclass(frozen=True)
class State:
    """shown: None if nothing is left to ask. trouble: of photos that could not be used, one sentence each."""

    shown: Shown | None
    progress: picks.Progress
    trouble: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary:
    """What the store holds. statistics: see `trainer.reward.evaluate.statistics`; photos: (SHA-256, name, picks), those
    with most picks first."""

    statistics: Mapping[str, Any]
    photos: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class _Open:
    session: RetouchSession
    boxes: tuple[Box, ...] | None
    original: dict[str, U8]


class Sitting:
    """Asks one person from one store."""

    def __init__(self, engine: Engine, together: int = 2) -> None:
        """together: how many pictures are shown at a time. Raises: PickStoreError (also if the store is damaged: see
        `repair`), UsageError."""
        from trainer.picks.identity import own_identity
        from trainer.picks.records import new_id
        from trainer.picks.store import PickStore, default_store

        self._engine, self._identity, self._id = engine, own_identity(), new_id()
        self.store: PickStore = PickStore.open(default_store(), create=True)
        try:
            self.store.require_sound()
        except EngineError:
            self.store.close()
            raise
        self._pictures: OrderedDict[str, tuple[U8, U8]] = OrderedDict()
        self._photos: OrderedDict[str, _Open] = OrderedDict()
        self._candidates: dict[str, Candidate] = self.store.candidates()
        self._asking = self._session()
        self._asking.show(together)

    def close(self) -> None:
        self.store.close()

    # --- asking -------------------------------------------------------------------------------------------------------

    def state(self, token: CancelToken | None = None, trouble: Sequence[str] = ()) -> State:
        """The waiting question; pairs that cannot be drawn any more are passed over, and said. Raises: Cancelled."""
        token, passed = token or CancelToken(), list(trouble)
        while (question := self._asking.next()) is not None:
            try:
                found = [self._picture(key, token) for key in question.images]
            except EngineError as error:
                passed.append(said(error.message))
                self._asking.skip()
                continue
            shown = Shown(question, tuple(after for after, _ in found), found[0][1], self._name(question.photo))
            return State(shown, self._progress(), tuple(dict.fromkeys(passed)))
        return State(None, self._progress(), tuple(dict.fromkeys(passed)))

    def choose(self, best: int | None, dimensions: Mapping[str, Preference]) -> None:
        """Which place shows the best, None if all are alike. Raises: PickStoreError; then the question still waits."""
        self._asking.choose(best, dimensions)

    def show(self, together: int) -> None:
        """How many pictures are shown at a time from now on."""
        if together != self._asking.together:
            self._asking.show(together)

    def skip(self) -> None:
        self._asking.skip()

    def undo(self) -> bool:
        """Raises: PickStoreError."""
        return self._asking.undo()

    def preload(self, token: CancelToken) -> None:
        """Make the pictures of what is probably asked next. Raises: Cancelled."""
        for key in self._asking.ahead():
            token.check()
            try:
                self._picture(key, token)
            except EngineError:  # said when it is asked
                continue

    def _progress(self) -> picks.Progress:
        return self._asking.progress()

    def _session(self) -> picks.PickSession:
        from trainer.picks.session import PickSession
        from trainer.reward.prior import shipped

        return PickSession.of_store(self.store, shipped(), self._identity, session=self._id)

    # --- what the store holds -----------------------------------------------------------------------------------------

    def summary(self) -> Summary:
        from trainer.reward.evaluate import statistics

        counted = Counter(each.photo for each in self.store.picks()).most_common()
        return Summary(statistics(self.store), tuple((key, self._name(key), count) for key, count in counted))

    def withdraw(self, photo: str) -> int:
        """Take all picks of a photo back for good. Returns: how many. Raises: PickStoreError."""
        count = self.store.withdraw(photo, now("seconds"))
        self._renew()
        return count

    def bring(self, source: Path, token: CancelToken, report: Report = silent) -> Count:
        """Take over picks from a file; their pictures are measured when a training begins.
        Raises: UsageError, PickStoreError, Cancelled."""
        from trainer.picks.exchange import take_over

        try:
            return take_over(self.store, source, self._identity, token, report)
        finally:
            self._renew()

    def write(self, target: Path, token: CancelToken, report: Report = silent) -> Count:
        """Write all picks as JSON lines, and pictures that have no file into a folder beside them.
        Raises: ExportError, Cancelled."""
        from trainer.picks.exchange import export_lines

        def draw(candidate: Candidate, file: Path) -> None:
            token.check()
            self._adopted(candidate, token)
            self._photos[candidate.photo].session.export(file)

        return export_lines(self.store, self.store.picks(), target, draw, token, report)

    def _name(self, photo: str) -> str:
        places = self.store.places(photo)
        return places[0].name if places else ""

    def renew(self) -> picks.Progress:
        """Take in what another sitting put into the store; the question that waits stays. Raises: PickStoreError."""
        self.store.refresh()
        self._renew()
        return self._progress()

    def _renew(self) -> None:
        """Take in what the store got or lost."""
        self._candidates = self.store.candidates()
        self._asking.refresh()

    # --- drawing candidates -------------------------------------------------------------------------------------------

    def add(self, photos: Sequence[Path], token: CancelToken, report: Report = silent) -> list[str]:
        """Draw candidates of photos, measure them and keep them in the store.

        Returns: a sentence for each photo that could not be used. Raises: PickStoreError, Cancelled.
        """
        trouble = []
        try:
            for number, path in enumerate(photos):
                part = share(report, number, len(photos), detail=path.name)
                try:
                    self._add(path, token, part)
                except EngineError as error:
                    if error.code == "picks":
                        raise
                    trouble.append(said(error.message))
        finally:
            self._renew()
        return trouble

    def _add(self, path: Path, token: CancelToken, report: Report) -> None:
        from trainer.picks.store import with_files

        session = self._engine.open(path)
        session.analyse()
        session.require_faces()
        policy = self._engine.policy()
        base = session.propose(policy, token=token).spec
        face = _face(session)
        measure = self._engine.meter(session, face)
        photo = session.to_sidecar().photo.sha256
        with_files(self.store, {photo: path})
        self._keep(photo, _Open(session, None, {}))
        for number, spec in enumerate(self._specs(base, photo)):
            token.check()
            report(Progress("sample", number / COUNT))
            session.adopt(session.draw(policy, spec, token=token))
            self._remember(self._measured(session, face, measure), self._drawn(photo, face, token))

    def _measured(self, session: RetouchSession, face: FaceAnalysis, measure: Callable[[], F32]) -> str:
        """The session's proposal with its edits as a candidate of the store. Returns: its id."""
        from trainer.picks.records import Candidate
        from trainer.picks.store import with_features
        from trainer.reward.features import NAMES, VERSION

        retouch = session.to_sidecar()
        candidate = Candidate(photo=retouch.photo.sha256, face=face.id, retouch=retouch)
        self.store.append(candidate)
        with_features(self.store, VERSION, NAMES, {candidate.id: measure()})
        return candidate.id

    def took(self, taken: Taken, token: CancelToken) -> list[str]:
        """Record that a person took one variation over the others that were shown.

        Returns: ids of the picks that makes. Raises: EngineError, PickStoreError, Cancelled.
        """
        from trainer.picks.store import with_files

        session = self._engine.open(taken.path)
        session.analyse(taken.boxes)
        session.require_faces()
        face = _face(session, taken.face)
        measure, shown = self._engine.meter(session, face), []
        for spec in taken.specs:
            token.check()
            policy = self._engine.policy_for(spec.policy, spec.policy_version)
            session.adopt(session.draw(policy, spec, token=token))
            session.take_edits(taken.edits)
            shown.append(self._measured(session, face, measure))
        with_files(self.store, {session.to_sidecar().photo.sha256: taken.path})
        self._candidates = self.store.candidates()
        return [each.id for each in self._session().take(shown[taken.chosen], shown)]

    def _specs(self, base: ProposalSpec, photo: str) -> list[ProposalSpec]:
        """Samples of a photo that are not in the store yet."""
        known = {
            each.retouch.proposal.seed
            for each in self._candidates.values()
            if each.photo == photo and each.retouch is not None and each.retouch.proposal is not None
        }
        found = (base.varied(seed, EXPLORATION) for seed in count(base.seed + 1))
        return list(islice((spec for spec in found if spec.seed not in known), COUNT))

    # --- pictures -----------------------------------------------------------------------------------------------------

    def _picture(self, key: str, token: CancelToken) -> tuple[U8, U8]:
        """A candidate and the photo before it, around the face. Raises: EngineError, Cancelled."""
        if key not in self._pictures:
            candidate = self._candidates[key]
            if candidate.retouch is None or candidate.retouch.proposal is None:
                face = _face(self._photo(candidate).session, candidate.face)
                self._remember(key, self._finished(candidate, face, token))
            else:
                self._remember(key, self._drawn(candidate.photo, self._adopted(candidate, token), token))
        self._pictures.move_to_end(key)
        return self._pictures[key]

    def _adopted(self, candidate: Candidate, token: CancelToken) -> FaceAnalysis:
        """The candidate's face, once its retouch is the current one of its open photo. Raises: EngineError."""
        session = self._photo(candidate).session
        assert candidate.retouch is not None and candidate.retouch.proposal is not None
        spec = candidate.retouch.proposal
        policy = self._engine.policy_for(spec.policy, spec.policy_version)
        session.adopt(session.draw(policy, spec, token=token))
        session.apply(candidate.retouch)
        return _face(session, candidate.face)

    def _drawn(self, photo: str, face: FaceAnalysis, token: CancelToken) -> tuple[U8, U8]:
        """The current proposal of an open photo, with its edits."""
        session = self._photos[photo].session
        layers = {each.face_id: each for each, _ in session.layers()}
        source = self._engine.source(session.photo, layers)
        stack = source.prepare(Request.fitting(face.grid.box, PICTURE), dict(session.edits), token)
        after = np.array(stack.after(dict(session.edits)))
        return after, self._photos[photo].original.setdefault(face.id, np.array(stack.before))

    def _finished(self, candidate: Candidate, face: FaceAnalysis, token: CancelToken) -> tuple[U8, U8]:
        """A picture that another program made."""
        from engine.imageio.read import read_photo
        from trainer.reward.measuring import fitted, whole_file

        session, request = self._photos[candidate.photo].session, Request.fitting(face.grid.box, PICTURE)
        picture = fitted(read_photo(whole_file(self.store, candidate.picture or "")), session.photo.size)
        pair = [self._engine.source(each, None).prepare(request, {}, token).before for each in (picture, session.photo)]
        return np.array(pair[0]), np.array(pair[1])

    def _photo(self, candidate: Candidate) -> _Open:
        """The candidate's photo, analysed. Raises: EngineError."""
        from trainer.reward.measuring import whole_file

        boxes = candidate.retouch.boxes if candidate.retouch else None
        known = self._photos.get(candidate.photo)
        if known is None or known.boxes != boxes:
            session = self._engine.open(whole_file(self.store, candidate.photo))
            session.analyse(boxes)
            session.require_faces()
            self._keep(candidate.photo, _Open(session, boxes, {}))
        self._photos.move_to_end(candidate.photo)
        return self._photos[candidate.photo]

    def _keep(self, photo: str, opened: _Open) -> None:
        self._photos[photo] = opened
        self._photos.move_to_end(photo)
        while len(self._photos) > KEPT_PHOTOS:
            self._photos.popitem(last=False)

    def _remember(self, key: str, pair: tuple[U8, U8]) -> None:
        self._pictures[key] = pair
        while len(self._pictures) > KEPT_PICTURES:
            self._pictures.popitem(last=False)


def _face(session: RetouchSession, face: str | None = None) -> FaceAnalysis:
    """The face of that id, or the largest."""
    found = next((each for each in session.faces if each.id == face), None)
    return found or max(session.faces, key=lambda each: each.width)


def repair() -> str:
    """Go on with what is sound of the person's damaged store. Returns: the name under which the damaged file is kept.
    Raises: PickStoreError."""
    from trainer.picks import store

    return store.repair(store.default_store()).name
