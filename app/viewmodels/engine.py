"""The window's door to the engine. Everything heavy is imported inside, in the worker thread that needs it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, cast

from app.language import tr
from app.viewmodels.frames import U8, Request, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.viewmodels.state import Edits
    from engine.host import EngineHost, HostedPolicy
    from engine.jobs import CancelToken, Report
    from engine.journal import Journal
    from engine.pipeline import PolicyPool, RetouchRequest, RetouchResult
    from engine.policies.base import Policy
    from engine.session import RetouchSession
    from engine.sidecar import Sidecar
    from engine.types import F32, FaceAnalysis, Photo, RetouchLayers
    from trainer.reward.features import FeatureMeter


class Engine:
    """Opens sessions, loads the policy once, and makes pictures. Tests replace single methods."""

    def __init__(self) -> None:
        self._host: EngineHost | None = None
        self._policy: HostedPolicy | None = None
        self._loaded = 0
        self.display: bytes | None = None
        """ICC profile of the monitor, None for sRGB."""
        self._pool: PolicyPool | None = None

    def open(self, path: Path) -> RetouchSession:
        """Faces and proposals of this session are made in the engine's own process.

        Raises: ImageReadError, ColourProfileError."""
        from engine.host import HostedSession
        from engine.imageio.read import read_photo

        return HostedSession(read_photo(path), self.host)

    @property
    def host(self) -> EngineHost:
        """The process that finds faces and samples."""
        if self._host is None:
            from engine.host import EngineHost

            self._host = EngineHost()
        return self._host

    def warm_up(self) -> None:
        """Have loaded what the first photo needs before it is asked for. Raises: as `policy`."""
        import engine.imageio.read
        import engine.layers.preview
        import engine.session
        import engine.sidecar  # noqa: F401

        self.policy()

    def policy(self) -> Policy:
        """Stands for the active policy, which is loaded in the engine's process.

        Raises: ModelMissingError, DeviceError."""
        from engine.host import HostedPolicy
        from engine.policies.versions import active

        name = active()
        if self._policy is None or self._policy.name != name or self._loaded != self.host.generation:
            self._policy = HostedPolicy(name, self.host.call("policy", name))
            self._loaded = self.host.generation
        return cast("Policy", self._policy)  # hosted sessions need no more of it than its name and `info`

    def policy_for(self, name: str, version: str) -> Policy:
        """The policy that drew something once, of that very version. Raises: ModelMissingError, DeviceError."""
        from engine.errors import ModelMissingError
        from engine.policies.registry import remembered

        policy = self._hosted(remembered(name, version), model=None, device="auto")
        if policy.info.version != version:
            raise ModelMissingError(
                tr(
                    "A picture was drawn by {name} {version}, which is not on this computer.",
                    name=name,
                    version=version,
                ),
                tr("Import that policy."),
            )
        return policy

    def meter(self, session: RetouchSession, face: FaceAnalysis) -> Callable[[], F32]:
        """Measures the reward's features of a face in whatever proposal is the session's current one by then."""

        @functools.cache
        def meter() -> FeatureMeter:  # with the masks and marks of the first proposal, which all have
            from trainer.reward.features import FeatureMeter

            assert session.proposal is not None
            return FeatureMeter(session.photo, session.face(face.id), session.proposal.layers[face.id].marks)

        return lambda: meter().measure(session.render())

    def distance(self, before: U8, after: U8, landmarks: F32) -> float:
        """Between the identities of a face in two sRGB pictures (h, w, 3). landmarks: (478, 2) in their pixels.

        Raises: ModelMissingError, DeviceError."""
        from engine.host import pack

        return float(self.host.call("distance", pack((before, after, landmarks))))

    def close(self) -> None:
        """End the engine's process."""
        if self._host is not None:
            self._host.close()

    def deliver(self, request: RetouchRequest, token: CancelToken, report: Report) -> RetouchResult:
        """One job of the export queue, in the engine's process too; every error comes back as a result."""
        from engine import pipeline

        if self._pool is None:
            self._pool = pipeline.PolicyPool(self._hosted)
        return pipeline.attempt(request, token, report, self._pool, self.open)

    def _hosted(self, name: str, *, model: Path | None, device: str) -> Policy:
        from engine.host import HostedPolicy

        return cast("Policy", HostedPolicy(name, self.host.call("policy", name)))

    def saved(self, path: Path) -> Sidecar | None:
        """Raises: SidecarError."""
        from engine import sidecar

        return sidecar.load(path)

    def journal(self, path: Path, size: tuple[int, int]) -> Journal:
        """Where the history of a photo of this size is kept."""
        from engine.journal import Journal, journal_file

        return Journal(journal_file(path, size))

    def source(self, photo: Photo, layers: Mapping[str, RetouchLayers] | None) -> Source:
        """Pictures for the canvas."""
        from app.viewmodels.pictures import PhotoSource

        return PhotoSource(photo, layers, self.display)

    def small(self, photo: Photo, layers: Mapping[str, RetouchLayers], edits: Edits, token: CancelToken) -> U8:
        """The whole photo retouched, as small as filmstrip and grid show it: (h, w, 3) sRGB. Raises: Cancelled."""
        from app.viewmodels.pictures import PhotoSource
        from engine.library.thumbs import SIDE

        request = Request.fitting((0, 0, *photo.size), SIDE)
        return PhotoSource(photo, layers).prepare(request, edits, token).after(edits)
