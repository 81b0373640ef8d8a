"""What a frozen image encoder sees change: further features of the reward, for who has weights of DINOv2.

The face before and after is shown to the network; what its class token and its tokens of skin change by, relative to
their length before, is projected to `LOOKS` numbers by fixed random signs. A projection keeps differences between
retouches, whatever they are about, so a taste for something that no measure names can be learned. torch and
transformers are imported when an encoder is loaded. Source: REFERENCES dinov2, achlioptas.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from engine.errors import ModelCorruptError, ModelMissingError
from engine.imageio.colour import from_lab
from engine.metrics.crop import region_on
from engine.types import F32, FaceAnalysis, FaceGrid
from engine.weights import own
from engine.weights.own import OwnWeights
from trainer.reward.features import LOOKS, encoder_of
from trainer.reward.files import KIND
from trainer.reward.model import Reward
from trainer.runs import Run

SIDE: Final = 224
"""Pixels to which the square around the face is resampled, as near as whole patches come."""
MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
SPREAD: Final = np.array([0.229, 0.224, 0.225], np.float32)
"""Of sRGB values in 0..1, as DINOv2 was trained (REFERENCES dinov2)."""

_AGAIN: Final = "Download its folder again, or train without it."


class Encoder:
    """A loaded DINOv2 on the processor, where it computes the same for everyone. Thread-safe.

    Raises: ModelMissingError if transformers is not installed, ModelCorruptError if the weights are of no use.
    """

    def __init__(self, weights: OwnWeights) -> None:
        self.weights = weights
        self._model = _loaded(weights)
        config = self._model.config
        self.patches = max(1, round(SIDE / config.patch_size))
        self.side = self.patches * config.patch_size
        self.projection = _signs(LOOKS, 2 * config.hidden_size)
        self.tokens(np.full((self.side, self.side, 3), 0.5, np.float32))  # broken weights are found at once

    @property
    def digest(self) -> str:
        return self.weights.digest

    def tokens(self, picture: F32) -> F32:
        """(1 + patches², d) of an sRGB picture (side, side, 3) in 0..1: the class token, and those of the patches row
        by row. Raises: ModelCorruptError."""
        import torch

        values = ((picture - MEAN) / SPREAD).astype(np.float32).transpose(2, 0, 1)[None]
        with torch.inference_mode():
            found: F32 = self._model(torch.from_numpy(np.ascontiguousarray(values))).last_hidden_state[0].numpy()
        if not np.isfinite(found).all():
            raise ModelCorruptError(
                f"The encoder {self.weights.folder.name!r} computes values that are not numbers.",
                _AGAIN,
            )
        return found

    def look(self, face: FaceAnalysis, before: F32, grid: FaceGrid) -> Look:
        """At one face; before: (h, w, 3) L*a*b* on `grid`."""
        return Look(self, face, before, grid)


class Look:
    """Looks at any number of results of one face; the face before is looked at once."""

    def __init__(self, encoder: Encoder, face: FaceAnalysis, before: F32, grid: FaceGrid) -> None:
        self._encoder = encoder
        self._rows, self._columns = _square(face, grid)
        patches = encoder.patches, encoder.patches
        skin = cv2.resize(self._cut(region_on(face, grid, "skin")), patches, interpolation=cv2.INTER_AREA)
        weight = skin.ravel() if skin.sum() > 0 else np.ones(skin.size, np.float32)
        self._parts = np.zeros((2, 1 + weight.size), np.float32)
        self._parts[0, 0], self._parts[1, 1:] = 1, weight / weight.sum()
        self._before = self._seen(before)
        self._length = np.maximum(np.linalg.norm(self._before, axis=1, keepdims=True), 1e-6)

    def measure(self, after: F32) -> F32:
        """(LOOKS,) float32 of a result on the same grid, in hundredths of the length before; 0 if nothing changed."""
        change = (self._seen(after) - self._before) / self._length
        return (100 * (self._encoder.projection @ change.ravel())).astype(np.float32)

    def _seen(self, lab: F32) -> F32:
        """(2, d): the class token, and the mean token of the skin."""
        side = self._encoder.side
        picture = np.clip(from_lab(self._cut(lab), None), 0, 1)
        shrinks = picture.shape[0] > side
        resized = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        return self._parts @ self._encoder.tokens(np.asarray(resized, np.float32))

    def _cut(self, plane: F32) -> F32:
        return np.ascontiguousarray(plane[self._rows][:, self._columns])


def chosen(choice: str | None) -> Encoder | None:
    """The encoder in a folder; without a choice the person's own, if there is one; None for `own.NONE`.

    Raises: ModelMissingError, ModelCorruptError.
    """
    weights = own.encoder(choice)
    return Encoder(weights) if weights else None


def of_reward(folder: Path, reward: Reward) -> Encoder | None:
    """The encoder that the reward in a run folder was trained with, where it lay then or in the person's own folder;
    None if it was trained with none. Raises: ModelMissingError, ModelCorruptError."""
    digest = encoder_of(reward.prior.names)
    if not digest:
        return None
    place = Run.open(folder, KIND).manifest.sources.get("encoder")
    return Encoder(own.found(digest, *([Path(place)] if place else [])))


def _loaded(weights: OwnWeights) -> Any:
    """The network, ready to look. Raises: as `Encoder`."""
    import torch

    try:
        from transformers import Dinov2Model
        from transformers.utils import logging
    except ImportError as error:
        raise ModelMissingError(
            "The encoder needs the package 'transformers'.", "Install it: pip install 'porelight[train]'"
        ) from error
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        model, found = Dinov2Model.from_pretrained(
            weights.folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # transformers, safetensors and torch raise of every kind
        raise ModelCorruptError(
            f"The encoder {weights.folder.name!r} cannot be loaded.", _AGAIN, cause=repr(error)
        ) from error
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
    if found["missing_keys"] or found["mismatched_keys"]:
        raise ModelCorruptError(f"The encoder {weights.folder.name!r} lacks some of its weights.", _AGAIN)
    return model.eval()


def _square(face: FaceAnalysis, grid: FaceGrid) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the grid that make a square around the face; its edges are repeated beyond the grid."""
    corners = grid.to_grid(np.array([face.box[:2], face.box[2:]], np.float32))
    centre, half = corners.mean(0), float((corners[1] - corners[0]).max()) / 2
    steps = np.arange(-round(half), round(half) + 1)
    columns, rows = (np.clip(int(c) + steps, 0, n - 1) for c, n in zip(centre, grid.shape[::-1], strict=True))
    return rows, columns


def _signs(count: int, width: int) -> F32:
    """(count, width) of ±1/√count, the same everywhere and always: lengths are kept on average."""
    bits = np.frombuffer(hashlib.shake_256(b"porelight look").digest(count * width // 8 + 1), np.uint8)
    signs = np.unpackbits(bits)[: count * width].reshape(count, width).astype(np.float32)
    return (2 * signs - 1) / np.float32(np.sqrt(count))
