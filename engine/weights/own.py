"""Weights that a person brings: a folder of their own that is read where it lies. Nothing is downloaded, no pickle is
opened. So far one kind: a DINOv2 image encoder, through which the reward looks (docs/learning.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from engine import paths
from engine.errors import EngineError, ModelCorruptError, ModelMissingError
from engine.weights.catalogue import sha256_of

NONE: Final = "none"
"""As a choice: no encoder, whether there is one or not."""
CONFIG: Final = "config.json"
WEIGHTS: Final = "model.safetensors"
KIND: Final = "dinov2"
"""As `CONFIG` names it."""
_NEEDED: Final = (
    "It needs config.json and model.safetensors of a DINOv2, such as facebook/dinov2-small (Apache-2.0); "
    "or train without."
)


@dataclass(frozen=True)
class OwnWeights:
    """A folder in Hugging Face's form, looked at. digest: twelve hexadecimal digits that tell its files from all
    others. title: for people."""

    folder: Path
    digest: str
    title: str


def encoder_home() -> Path:
    """Where an encoder lies that is used by itself; may not exist."""
    return paths.user_folder() / "models" / "encoder"


def encoder(choice: str | None = None) -> OwnWeights | None:
    """The encoder in a folder; without a choice the one in `encoder_home`, if there is one; None for `NONE`.

    Raises: ModelMissingError, ModelCorruptError: also of one that is there by itself, so that it is never left out
    unnoticed.
    """
    if choice == NONE or (choice is None and not encoder_home().exists()):
        return None
    return inspect(encoder_home() if choice is None else Path(choice))


def inspect(folder: Path) -> OwnWeights:
    """Look at a folder without loading its network. Raises: ModelMissingError, ModelCorruptError."""
    if not folder.is_dir():
        raise ModelMissingError(f"There is no encoder folder {folder.name!r}.", _NEEDED)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise ModelMissingError(f"The encoder folder {folder.name!r} has no {name}.", _NEEDED)
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_bytes())
        kind = str(config["model_type"])
        width, layers = (int(config[name]) if kind == KIND else 0 for name in ("hidden_size", "num_hidden_layers"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelCorruptError(
            f"The config.json of the encoder {folder.name!r} cannot be understood.", _NEEDED
        ) from error
    if kind != KIND:
        raise ModelCorruptError(f"The encoder folder {folder.name!r} holds a {kind} network, not DINOv2.", _NEEDED)
    try:
        with safe_open(str(folder / WEIGHTS), "numpy"):
            digest = sha256_of(folder / CONFIG)[:6] + sha256_of(folder / WEIGHTS)[:6]
    except (OSError, SafetensorError) as error:
        raise ModelCorruptError(f"The model.safetensors of the encoder {folder.name!r} is damaged.", _NEEDED) from error
    return OwnWeights(folder.resolve(), digest, f"DINOv2 ({layers} layers, {width} wide, {digest})")


def found(digest: str, *places: Path) -> OwnWeights:
    """The encoder with that digest, in one of the places or in `encoder_home`. Raises: ModelMissingError."""
    for place in (*places, encoder_home()):
        try:
            if (own := inspect(place)).digest == digest:
                return own
        except EngineError:
            continue
    raise ModelMissingError(
        f"The reward looks through the DINOv2 encoder {digest}, which is not here.",
        f"Put its folder to {(places or (encoder_home(),))[0]}, or train the reward again.",
    )
