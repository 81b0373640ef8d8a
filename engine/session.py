"""RetouchSession: one photo from its file to its export. The command line, batches and the window all work on this.

photo → `analyse` → `propose` (or `vary` and `adopt`) → `edits` → `render` → `export`, with `save_sidecar` and
`restore` beside it. A session belongs to one thread at a time. No torch is imported before `propose`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine import locks
from engine import sidecar as sidecars
from engine.errors import ImageReadError, NoFaceError, SidecarError, UsageError
from engine.jobs import CancelToken, Progress, Report, share, silent, within
from engine.proposal import EXPLORATION, Drawer, Proposal, ProposalSpec, SamplerSettings
from engine.sidecar import Sidecar
from engine.types import (
    Box,
    FaceAnalysis,
    FaceEdits,
    Photo,
    Pixels,
    RetouchLayers,
    SkippedFace,
    Strengths,
)

if TYPE_CHECKING:
    from engine.delivery.recipe import Recipe
    from engine.marks.own import OwnMarks
    from engine.policies.base import Policy


class RetouchSession:
    """One open photo.

    faces, skipped: known after `analyse`; a policy may make the faces' masks finer. proposal: the current one, None
    before `propose`. edits: face id → a person's choices; change them with `set_strengths` and `take_edits`.
    notes: declared conversions and differences, for people. seconds: stage → time spent.
    """

    def __init__(self, photo: Photo) -> None:
        self.photo = photo
        self.faces: tuple[FaceAnalysis, ...] = ()
        self.skipped: tuple[SkippedFace, ...] = ()
        self.boxes: tuple[Box, ...] | None = None
        self.proposal: Proposal | None = None
        self.edits: dict[str, FaceEdits] = {}
        self.notes: list[str] = list(photo.notes)
        self.seconds: dict[str, float] = {}
        self._own: dict[str, OwnMarks] = {}
        self._base: str | None = None
        """When the sidecar was saved that the edits come from; empty for none, None before there are edits."""
        self._drawers: dict[str, Drawer] = {}
        self._drawer_key: tuple[object, ...] = ()

    @classmethod
    def open(cls, path: Path) -> RetouchSession:
        """Read a photo. Raises: ImageReadError, ColourProfileError."""
        from engine.imageio.read import read_photo

        start = time.perf_counter()
        session = cls(read_photo(path))
        session.seconds["read"] = time.perf_counter() - start
        return session

    # --- faces --------------------------------------------------------------------------------------------------------

    def analyse(self, boxes: Sequence[Box] | None = None) -> tuple[FaceAnalysis, ...]:
        """Find and analyse the faces, or those in `boxes` that a person set; forgets the proposal, keeps edits.

        Raises: ModelMissingError, ModelCorruptError.
        """
        from engine.faces.analysis import analyse

        self.boxes = None if boxes is None else tuple(boxes)
        with self.timed("analyse"):
            self.faces, self.skipped = analyse(self.photo, boxes=self.boxes)
        return self._analysed()

    def _analysed(self) -> tuple[FaceAnalysis, ...]:
        """Forget what was of other faces."""
        self.proposal, self._drawers, self._own = None, {}, {}
        self.edits = {face.id: self.edits.get(face.id, FaceEdits.initial(face)) for face in self.faces}
        return self.faces

    def face(self, face_id: str) -> FaceAnalysis:
        """Raises: UsageError for an unknown id."""
        for face in self.faces:
            if face.id == face_id:
                return face
        raise UsageError(f"{self.photo.path.name} has no face {face_id!r}.", "Analyse the photo first.")

    def require_faces(self) -> None:
        """Raises: NoFaceError, with the reasons of skipped faces, if no face can be retouched."""
        if self.faces:
            return
        reasons = "; ".join(skipped.reason.rstrip(".") for skipped in self.skipped)
        found = f"no face that can be retouched ({reasons})" if reasons else "no face"
        raise NoFaceError(f"{self.photo.path.name} shows {found}.", "Nothing was changed or written.")

    # --- proposals ----------------------------------------------------------------------------------------------------

    def propose(
        self,
        policy: Policy,
        sampler: SamplerSettings | None = None,
        seed: int | None = None,
        *,
        instruction: str = "",
        token: CancelToken | None = None,
        report: Report = silent,
    ) -> Proposal:
        """Draw a retouch of every face and make it the current proposal: the policy's typical one, or a sample.

        sampler: its steps and shift decide the typical one too. seed: of the sample; None for the typical retouch.
        Raises: NoFaceError, ModelCorruptError, DeviceError, UsageError, Cancelled (the proposal stays as it was).
        """
        if self._base is None:
            self._base = ""
        spec = ProposalSpec.of(policy.info, sampler, seed, instruction)
        return self.adopt(self.draw(policy, spec, token=token, report=report))

    def vary(
        self,
        policy: Policy,
        count: int,
        exploration: float | None = None,
        *,
        seed: int | None = None,
        token: CancelToken | None = None,
        report: Report = silent,
    ) -> Iterator[Proposal]:
        """Further samples around the current proposal: DPG with its latent as the anchor. None becomes current.

        exploration: in [0, 1], see `engine.proposal`; None for its `EXPLORATION`. seed: of the first one, the others
        follow; None for the one after the current. Raises: as `propose`.
        """
        base = self._current().spec
        exploration = EXPLORATION if exploration is None else exploration
        if not 0 <= exploration <= 1:
            raise UsageError(f"Exploration {exploration} is outside 0–1.", "Use a number between 0 and 1.")
        for index in range(count):
            spec = base.varied((base.seed + 1 if seed is None else seed) + index, exploration)
            yield self.draw(policy, spec, token=token, report=share(report, index, count))

    def adopt(self, proposal: Proposal) -> Proposal:
        """Make a proposal of this session the current one; edits stay, decisions on marks that are gone lie idle."""
        self.proposal = proposal
        return proposal

    def draw(
        self, policy: Policy, spec: ProposalSpec, *, token: CancelToken | None = None, report: Report = silent
    ) -> Proposal:
        """The proposal that a spec stands for. Raises: as `propose`."""
        self.require_faces()
        layers: dict[str, RetouchLayers] = {}
        token = token or CancelToken()
        for index, face in enumerate(self.faces):
            part = share(report, index, len(self.faces))
            token.check()
            part(Progress("encode", 0.0))
            with self.timed("encode"):
                drawer = self._drawer(policy, face, spec.instruction)
            with self.timed("sample"):
                latent = drawer.latent(spec, token, within(part, 0.4, 0.7))
            token.check()
            part(Progress("decode", 0.7))
            with self.timed("decode"):
                layers[face.id] = policy.decode(latent, self.photo, drawer.condition)
        seen = tuple(self._drawers[face.id].condition.face for face in self.faces)
        if any(new is not old for new, old in zip(seen, self.faces, strict=True)):
            self.faces = seen
        report(Progress("decode", 1.0))
        return Proposal(spec, layers, policy.info.device)

    # --- edits --------------------------------------------------------------------------------------------------------

    def set_strengths(self, strengths: Strengths, face_id: str | None = None) -> None:
        """Set the strengths of one face, or of all."""
        for key in [self.face(face_id).id] if face_id is not None else self.edits:
            self.edits[key] = replace(self.edits[key], strengths=strengths)

    def take_edits(self, edits: Mapping[str, FaceEdits]) -> None:
        """Take over a person's choices for the faces that are here. edits: by face id."""
        self.edits |= {key: value for key, value in edits.items() if key in self.edits}

    def layers(self) -> tuple[tuple[RetouchLayers, FaceEdits], ...]:
        """What the renderer needs: the layers and edits of each face."""
        proposal = self._current()
        return tuple((self.with_own(face, proposal.layers[face.id]), self.edits[face.id]) for face in self.faces)

    def with_own(self, face: FaceAnalysis, layers: RetouchLayers) -> RetouchLayers:
        """A face's layers with the marks that the person brushed."""
        marks = self.edits[face.id].marks
        if not marks:
            return layers
        known = self._own.get(face.id)
        if known is None or known.face is not face:
            from engine.marks.own import OwnMarks

            known = self._own[face.id] = OwnMarks(self.photo, face)
        return known.onto(layers, marks)

    # --- results ------------------------------------------------------------------------------------------------------

    def render(self, box: Box | None = None) -> Pixels:
        """The retouched pixels, of the whole photo or of `box`, in the photo's depth and profile."""
        from engine.layers.render import render

        with self.timed("render"):
            return render(self.photo, self.layers(), box)

    def export(
        self,
        path: Path,
        recipe: Recipe | None = None,
        *,
        pixels: Pixels | None = None,
        overwrite: bool = False,
        inputs: Collection[Path] = (),
    ) -> tuple[str, ...]:
        """Write the result (`pixels` if it was rendered before) as a recipe says; by default just like the photo.

        Returns: notes. Raises: ExportError, ColourProfileError.
        """
        from engine.delivery.write import write

        with self.timed("write"):
            return write(
                self.photo,
                self.render() if pixels is None else pixels,
                self.layers(),
                path,
                recipe,
                overwrite=overwrite,
                inputs={self.photo.path, *inputs},
            )

    # --- sidecar ------------------------------------------------------------------------------------------------------

    def to_sidecar(self) -> Sidecar:
        """All edits as a sidecar. Raises: SidecarError if the photo's file is gone."""
        marks = {layers.face_id: layers.marks for layers, _ in self.layers()} if self.proposal else {}
        return Sidecar(
            application=_application(),
            photo=self._identity(),
            boxes=self.boxes,
            proposal=self.proposal.spec if self.proposal else None,
            faces=sidecars.entries(self.faces, self.edits, marks),
        )

    def save_sidecar(self, *, user_folder: bool = False) -> Path:
        """Write the sidecar beside the photo or in the person's folder.

        One that another program has written since this session took up the edits is kept under another name, and noted.
        Returns: its path. Raises: SidecarError.
        """
        made, photo = self.to_sidecar(), self.photo.path
        with locks.sidecars_locked():
            if self._base is not None and sidecars.saved_at(photo) not in ("", self._base):
                other = sidecars.set_aside(photo)
                if other is not None:
                    self.notes.append(f"Another program has saved edits too; they are kept in {other.name}.")
            path = sidecars.save(made, photo, user_folder=user_folder)
            self._base = sidecars.saved_at(photo)
        return path

    def restore(
        self, saved: Sidecar, policy: Policy, *, token: CancelToken | None = None, report: Report = silent
    ) -> None:
        """Take up the edits of a sidecar: analyse, draw the same proposal, set the same edits; differences are noted.

        Raises: SidecarError if it is another photo's, and as `propose`.
        """
        identity = self._identity()
        known = bool(saved.photo.sha256)
        if known and (saved.photo.width, saved.photo.height) != (identity.width, identity.height):
            raise SidecarError(
                f"The sidecar of {self.photo.path.name} is for a photo of {saved.photo.width}×{saved.photo.height} "
                f"pixels, not {identity.width}×{identity.height}.",
                "Move it away to start afresh.",
            )
        if known and saved.photo.sha256 != identity.sha256:
            self.notes.append("The photo's file has changed since its edits were saved.")
        self.analyse(saved.boxes)
        self.require_faces()
        info = policy.info
        if saved.proposal is None:
            self.propose(policy, token=token, report=report)
        else:
            if (saved.proposal.policy, saved.proposal.policy_version) != (info.name, info.version):
                self.notes.append(
                    f"Saved with policy {saved.proposal.policy} {saved.proposal.policy_version}, "
                    f"drawn with {info.name} {info.version}: the pixels differ."
                )
            self.adopt(self.draw(policy, saved.proposal.drawn_by(info), token=token, report=report))
        self.apply(saved)

    def apply(self, saved: Sidecar) -> None:
        """Take over a sidecar's per-face edits onto the current proposal; faces and marks are matched by place."""
        self._base = saved.saved
        found = saved.face_entries(self.faces)
        for face_id, entry in found.items():
            self.edits[face_id] = entry.edits(self._current().layers[face_id].marks)
        for face in self.faces:
            if saved.settings is not None and face.id not in found:
                self.edits[face.id] = saved.settings.on(self.edits[face.id])
        lost = len(saved.faces) - len(found)
        if lost:
            self.notes.append(f"Faces of the saved edits that were not found again: {lost}.")

    # --- inside -------------------------------------------------------------------------------------------------------

    def _identity(self) -> sidecars.PhotoId:
        try:
            return sidecars.identify(self.photo.path, self.photo.size)
        except OSError as error:
            name = self.photo.path.name
            raise ImageReadError(f"{name} cannot be read any more: {error.strerror}.", "Is it still there?") from error

    def _current(self) -> Proposal:
        if self.proposal is None:
            raise UsageError(f"{self.photo.path.name} has no proposal yet.", "Call propose first.")
        return self.proposal

    def _drawer(self, policy: Policy, face: FaceAnalysis, instruction: str) -> Drawer:
        """The face's drawer; made anew, with a new encoding, when the policy or the instruction changes."""
        key = (id(policy), policy.info.version, instruction)
        if key != self._drawer_key:
            self._drawers, self._drawer_key = {}, key
        if face.id not in self._drawers:
            self._drawers[face.id] = Drawer(policy, policy.encode(self.photo, face, instruction))
        return self._drawers[face.id]

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to `seconds[stage]`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start


def _application() -> str:
    from engine.report import porelight_version

    return f"Porelight {porelight_version()}"
