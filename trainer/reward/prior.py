"""What is believed of a taste before its first pick, shared by all studios.

A taste is rarely about everything: it is about one measure ("no shine"), one dimension, one part of the face, or one
measure here but not there. Each such idea is a `Family`, a Gaussian over the weights that lets its own features vary
freely and the others a little. Picks decide between families by their evidence (`model.fit_head`). The shipped file
holds the units of the features and how common each family is; `python -m trainer.reward.build_prior` makes it.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from engine.errors import ModelCorruptError
from engine.weights.catalogue import locate
from trainer.picks.records import DIMENSIONS
from trainer.reward.davidson import F64
from trainer.reward.features import LOOK, NAMES, VERSION, dimension_of, names_with
from trainer.reward.regional import FORMER, LOCAL, PARTS, TYPICAL

FILE: Final = "reward/prior.safetensors"
OVERALL: Final = "overall"
HEADS: Final = (OVERALL, *DIMENSIONS)
REST: Final = 0.08
"""Share of a family's variance that lies outside its own features."""
SEEN: Final = {LOOK: 0.05, f"{LOOK} everything": 0.05}
"""How common tastes are that are about what an encoder sees: about that alone, or as much about all measures."""
LIMIT: Final = 4.0
"""Features further than this many units from the centre count as this far: a broken measure decides nothing alone."""


@dataclass(frozen=True)
class Family:
    """One idea of what a taste may be about. factor: (k, d), the prior covariance of the weights is factorᵀ·factor."""

    name: str
    factor: F64


@dataclass(frozen=True)
class Prior:
    """names: of the features. centre, scale: (f,) their mean and spread between retouches of one face.
    log_weight: family → logarithm of how common it is. version: of the features."""

    names: tuple[str, ...]
    centre: F64
    scale: F64
    log_weight: dict[str, float]
    version: int = VERSION

    def units(self, features: np.ndarray) -> F64:
        """(…, f) features in units of their spread, limited."""
        return np.asarray(np.clip((np.asarray(features, np.float64) - self.centre) / self.scale, -LIMIT, LIMIT))

    def families(self, head: str) -> tuple[Family, ...]:
        """The families of the overall head, or of one dimension's."""
        inside = [head == OVERALL or dimension_of(name) == head for name in self.names]
        return _families(self.names, tuple(inside))

    def weight(self, family: str) -> float:
        return self.log_weight.get(family, 0.0)

    def seeing(self, encoder: str, scale: float) -> Prior:
        """The same, with what an encoder of that digest sees. scale: its spread between retouches of one face."""
        names = names_with(encoder)
        more = len(names) - len(self.names)
        weights = {name: math.log(share) for name, share in SEEN.items()}
        known = {name: weight + math.log1p(-sum(SEEN.values())) for name, weight in self.log_weight.items()}
        centre, spread = np.pad(self.centre, (0, more)), np.pad(self.scale, (0, more), constant_values=scale)
        return Prior(names, centre, spread, known | weights, self.version)

    def save(self, path: Path) -> bytes:
        """The file's content, also written to `path`."""
        meta = {"names": json.dumps(self.names), "weights": json.dumps(self.log_weight), "version": str(self.version)}
        data: bytes = save({"centre": self.centre.astype(np.float32), "scale": self.scale.astype(np.float32)}, meta)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data

    @classmethod
    def load(cls, path: Path) -> Prior:
        """Raises: ModelCorruptError."""
        hint = "Install Porelight again, or restore the file from the release."
        try:
            with safe_open(str(path), "numpy") as file:
                meta = file.metadata() or {}
                centre, scale = (file.get_tensor(name).astype(np.float64) for name in ("centre", "scale"))
            names, weights = tuple(json.loads(meta["names"])), json.loads(meta["weights"])
            version = int(meta["version"])
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise ModelCorruptError(f"The reward's prior {path.name} cannot be read.", hint) from error
        if version != VERSION or names != NAMES:
            raise ModelCorruptError(f"The reward's prior {path.name} is for other features than these.", hint)
        if not (np.isfinite(centre).all() and np.isfinite(scale).all() and (scale > 0).all()):
            raise ModelCorruptError(f"The reward's prior {path.name} holds values that have no meaning.", hint)
        return cls(names, centre, scale, weights, version)

    @classmethod
    def plain(cls, names: Sequence[str] = NAMES) -> Prior:
        """Unit scale and equal families; for features that are in units already."""
        return cls(tuple(names), np.zeros(len(names)), np.ones(len(names)), {})


@functools.cache
def shipped() -> Prior:
    """Raises: ModelMissingError, ModelCorruptError."""
    return Prior.load(locate(FILE))


@functools.cache
def _families(names: tuple[str, ...], inside: tuple[bool, ...]) -> tuple[Family, ...]:
    """All families over the features that count, in a fixed order; what an encoder sees counts in its own only."""
    count = len(names)
    counted = [name for name, use in zip(names, inside, strict=True) if use]
    looks = [name for name in counted if dimension_of(name) == LOOK]
    allowed = [name for name in counted if name not in looks and name not in FORMER]
    found = [Family("everything", _factor(names, allowed, np.eye(len(allowed)), allowed))]
    groups = {f"dimension {each}": [n for n in allowed if dimension_of(n) == each] for each in DIMENSIONS}
    local = (*LOCAL, *TYPICAL)  # of those only what is allowed makes a family
    groups |= {f"part {part}": [f"{part}_{what}" for what in local] for part in PARTS}
    groups |= {f"measure {what}": [f"{part}_{what}" for part in PARTS] for what in local}
    for name, members in groups.items():
        own = [each for each in members if each in allowed]
        if 1 < len(own) < len(allowed):
            found.append(Family(name, _factor(names, own, np.eye(len(own)), allowed)))
    for what in local:
        own = [each for part in PARTS if (each := f"{part}_{what}") in allowed]
        if len(own) > 1:
            contrast = np.eye(len(own)) - 1 / len(own)
            found.append(Family(f"contrast {what}", _factor(names, own, contrast, allowed)))
    found += [Family(f"only {each}", _factor(names, [each], np.eye(1), allowed)) for each in allowed]
    if looks:
        for name, rest in zip(SEEN, (REST, 0.5), strict=True):
            found.append(Family(name, _factor(names, looks, np.eye(len(looks)), allowed, rest)))
    assert all(each.factor.shape[1] == count for each in found)
    return tuple(found)


def _factor(names: Sequence[str], own: Sequence[str], mix: F64, allowed: Sequence[str], share: float = REST) -> F64:
    """(k, d): `mix` over the family's own features and a share over all that are allowed; total variance 1."""
    places = {name: number for number, name in enumerate(names)}
    first = np.zeros((len(mix), len(names)))
    first[:, [places[name] for name in own]] = mix
    rest = np.zeros((len(allowed), len(names)))
    rest[np.arange(len(allowed)), [places[name] for name in allowed]] = 1
    parts = [np.sqrt((1 - share) / np.sum(first**2)) * first, np.sqrt(share / np.sum(rest**2)) * rest]
    return np.concatenate(parts)
