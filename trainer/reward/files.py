"""A trained reward as a run folder: manifest.json (what it was made from), report.json and reward.safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from engine import paths
from engine.errors import ModelCorruptError
from engine.report import porelight_version
from trainer.reward.features import VERSION, encoder_of, names_with
from trainer.reward.model import Head, Reward
from trainer.reward.prior import HEADS, Prior
from trainer.reward.regional import LATER
from trainer.runs import Manifest, Run, unwritable

KIND: Final = "reward"
FILE: Final = "reward.safetensors"
REPORT: Final = "report.json"
UNSEEN: Final = 1e30
"""Unit of a feature that came later than a reward: no difference of it counts."""


def save_reward(
    reward: Reward, folder: Path, *, config: Mapping[str, Any], sources: Mapping[str, Any], report: Mapping[str, Any]
) -> Run:
    """Write a new run. Raises: RunError if the folder holds one already or cannot be written."""
    application = f"Porelight {porelight_version()}"
    run = Run.create(folder, Manifest(KIND, dict(config), dict(sources), application))
    try:
        paths.write_atomic(folder / FILE, as_bytes(reward))
        text = json.dumps(report, indent=1, allow_nan=False)
        paths.write_atomic(folder / REPORT, text.encode() + b"\n")
    except OSError as error:
        raise unwritable(folder, error) from error
    return run


def load_reward(folder: Path) -> Reward:
    """Raises: RunError if there is no reward in the folder, ModelCorruptError if it is damaged or does not fit."""
    Run.open(folder, KIND)
    return from_file(folder / FILE)


def as_bytes(reward: Reward) -> bytes:
    """The file's content; float64, so that a reward scores the same after a round trip."""
    tensors = {"centre": reward.prior.centre, "scale": reward.prior.scale, "unchanged": np.asarray(reward.unchanged)}
    heads: dict[str, Any] = {}
    for name, head in reward.heads.items():
        tensors[f"{name}.mean"], tensors[f"{name}.covariance"] = head.mean, head.covariance
        heads[name] = {
            "eta": head.eta,
            "turned": head.turned,
            "temperature": head.temperature,
            "families": head.families,
        }
    meta = {
        "version": str(reward.prior.version),
        "names": json.dumps(reward.prior.names),
        "weights": json.dumps(reward.prior.log_weight),
        "heads": json.dumps(heads),
        "picks": str(reward.picks),
    }
    data: bytes = to_safetensors({key: np.ascontiguousarray(value) for key, value in tensors.items()}, meta)
    return data


def from_file(path: Path) -> Reward:
    """Features that came after the reward are taken in, and count nothing. Raises: ModelCorruptError."""
    hint = "Train it again with `porelight train reward`."
    try:
        with safe_open(str(path), "numpy") as file:
            meta = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        names = tuple(json.loads(meta["names"]))
        known = names_with(encoder_of(names))
        if int(meta["version"]) != VERSION or not set(known) - LATER <= set(names) <= set(known):
            raise ModelCorruptError(f"The reward {path.parent.name} was trained on other features than these.", hint)
        places = [known.index(name) for name in names]
        widen = partial(_widened, places, len(known))
        prior = Prior(known, widen(tensors["centre"]), widen(tensors["scale"], UNSEEN), json.loads(meta["weights"]))
        heads = {}
        for name, data in json.loads(meta["heads"]).items():
            families = tuple((str(family), float(share)) for family, share in data["families"])
            mean, covariance = widen(tensors[f"{name}.mean"]), widen(tensors[f"{name}.covariance"])
            heads[name] = Head(mean, covariance, data["eta"], data["turned"], data["temperature"], families)
        if set(heads) != set(HEADS) or not all(np.isfinite(each).all() for each in tensors.values()):
            raise ValueError("incomplete")
        return Reward(prior, heads, int(meta["picks"]), widen(tensors["unchanged"]))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise ModelCorruptError(f"The reward {path.parent.name} cannot be read.", hint) from error


def _widened(places: Sequence[int], count: int, values: np.ndarray, fill: float = 0.0) -> np.ndarray:
    """(count,) or (count, count): values (f,) or (f, f) at these places, `fill` at the others."""
    wide = np.full((count,) * values.ndim, fill)
    wide[np.ix_(*[places] * values.ndim)] = values
    return wide
