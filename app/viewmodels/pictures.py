"""Pictures of the real photo for the canvas: the source in display colours, and the retouch over it."""

from __future__ import annotations

from collections.abc import Mapping

from app.viewmodels.frames import U8, Request
from app.viewmodels.state import Edits
from engine.jobs import CancelToken
from engine.layers.preview import PreviewRenderer
from engine.types import FaceEdits, Photo, RetouchLayers


class PhotoSource:
    """One photo with its layers, or without. The first part drawn, which is the whole photo, is kept."""

    def __init__(self, photo: Photo, layers: Mapping[str, RetouchLayers] | None) -> None:
        self.photo, self.layers = photo, layers
        self._first: tuple[Request, PhotoStack] | None = None

    @property
    def proposed(self) -> bool:
        return self.layers is not None

    def prepare(self, request: Request, edits: Edits, token: CancelToken) -> PhotoStack:
        if self._first is not None and self._first[0] == request:
            self._first[1].after(edits)
            return self._first[1]
        layers = self.layers or {}
        renderer = PreviewRenderer(self.photo, tuple(layers.values()), request.box, request.size, token)
        stack = PhotoStack(renderer, tuple(layers))
        # The first picture sums up all layers; later ones only what moves.
        stack.after(edits)
        if self._first is None:
            self._first = request, stack
        return stack


class PhotoStack:
    """One part of the photo."""

    def __init__(self, renderer: PreviewRenderer, faces: tuple[str, ...]) -> None:
        self._renderer, self._faces = renderer, faces
        self.before = renderer.original

    def after(self, edits: Edits) -> U8:
        return self._renderer.update([edits.get(face, FaceEdits()) for face in self._faces])
