"""Pictures of the real photo for the canvas: the source in display colours, and the retouch over it."""

from __future__ import annotations

from collections.abc import Mapping

from app.viewmodels.frames import U8, Request, Split
from app.viewmodels.state import Edits
from engine.jobs import CancelToken
from engine.layers.areas import structure
from engine.layers.preview import PreviewRenderer
from engine.types import F32, FaceEdits, Photo, RetouchLayers


class PhotoSource:
    """One photo with its layers, or without. The first part drawn, which is the whole photo, is kept.

    display: ICC profile of the monitor, None for sRGB."""

    def __init__(self, photo: Photo, layers: Mapping[str, RetouchLayers] | None, display: bytes | None = None) -> None:
        self.photo, self.layers, self.display = photo, layers, display
        self._first: tuple[Request, object, PhotoStack] | None = None
        self._last: tuple[Request, object, PreviewRenderer] | None = None
        """The last renderer, for when only brushwork differs."""

    @property
    def proposed(self) -> bool:
        return self.layers is not None

    def structure(self, edits: Edits, split: Split) -> object:
        return tuple(structure(edits.get(face, FaceEdits()), split) for face in self.layers or ())

    def prepare(self, request: Request, edits: Edits, token: CancelToken, split: Split = ()) -> PhotoStack:
        if (kept := self.drawn(request, edits, split)) is not None:
            kept.after(edits)
            return kept
        built = self.structure(edits, split)
        layers = self.layers or {}
        own = [edits.get(face, FaceEdits()) for face in layers]
        areas = tuple(structure(each, split)[0] for each in own)
        if self._last is not None and self._last[:2] == (request, areas):
            renderer = self._last[2].repainted(own, token)
        else:
            renderer = PreviewRenderer(
                self.photo, tuple(layers.values()), request.box, request.size, token, own, split, self.display
            )
        self._last = request, areas, renderer
        stack = PhotoStack(renderer, tuple(layers))
        # The first picture sums up all layers; later ones only what moves.
        stack.after(edits)
        if self._first is None or self._first[0] == request:
            self._first = request, built, stack
        return stack

    def drawn(self, request: Request, edits: Edits, split: Split = ()) -> PhotoStack | None:
        first = self._first
        return first[2] if first is not None and first[:2] == (request, self.structure(edits, split)) else None


class PhotoStack:
    """One part of the photo."""

    def __init__(self, renderer: PreviewRenderer, faces: tuple[str, ...]) -> None:
        self._renderer, self._faces = renderer, faces
        self.before = renderer.original

    def after(self, edits: Edits) -> U8:
        return self._renderer.update([edits.get(face, FaceEdits()) for face in self._faces])

    def presence(self, edits: Edits, layer: str | None) -> F32:
        return self._renderer.presence([edits.get(face, FaceEdits()) for face in self._faces], layer)
