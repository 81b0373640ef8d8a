"""Pictures of the real photo for the canvas: the source in display colours, and the retouch over it."""

from __future__ import annotations

from collections.abc import Mapping

from app.viewmodels.frames import U8, Request
from app.viewmodels.state import Edits
from engine.jobs import CancelToken
from engine.layers.preview import PreviewRenderer
from engine.types import FaceEdits, Photo, RetouchLayers


class PhotoSource:
    """One photo with its layers, or without."""

    def __init__(self, photo: Photo, layers: Mapping[str, RetouchLayers] | None) -> None:
        self.photo, self.layers = photo, layers

    @property
    def proposed(self) -> bool:
        return self.layers is not None

    def prepare(self, request: Request, edits: Edits, token: CancelToken) -> PhotoStack:
        layers = self.layers or {}
        renderer = PreviewRenderer(self.photo, tuple(layers.values()), request.box, request.size, token)
        stack = PhotoStack(renderer, tuple(layers))
        # The first picture sums up all layers; later ones only what moves.
        stack.after(edits)
        return stack


class PhotoStack:
    """One part of the photo."""

    def __init__(self, renderer: PreviewRenderer, faces: tuple[str, ...]) -> None:
        self._renderer, self._faces = renderer, faces
        self.before = renderer.original

    def after(self, edits: Edits) -> U8:
        return self._renderer.update([edits.get(face, FaceEdits()) for face in self._faces])
