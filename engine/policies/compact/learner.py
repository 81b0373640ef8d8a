"""The compact policy as something that learns: its flow gets a trainable copy, everything else stays shared and frozen.

Marks are the heal network's affair and no part of what is learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from engine.errors import ModelCorruptError
from engine.layers.bands import PORE_CUT, gaussian
from engine.layers.resample import support
from engine.policies.base import Condition, Policy
from engine.policies.compact import field as fields
from engine.policies.compact import tensors
from engine.policies.compact.networks import FIELD_VERSION
from engine.policies.compact.policy import CompactCondition, CompactPolicy, going_and_staying
from engine.policies.compact.propose import unit_layers
from engine.types import DEFAULT_STRENGTHS, F32, LAYERS, FaceAnalysis, Mark, Strengths

_ENTRIES: Final = tuple(DEFAULT_STRENGTHS[name] > 0 for name in LAYERS)
"""Layers of skin: those that show without anyone moving a slider."""


@dataclass(frozen=True)
class SlimCondition:
    """What `velocity` needs of a `CompactCondition`."""

    features: F32


class CompactLearner(CompactPolicy):
    """Implements `engine.policies.base.TrainablePolicy` over a loaded policy; its twin in torch is the reference."""

    field: tensors.TorchNetwork

    def __init__(self, base: CompactPolicy) -> None:
        info = base.info
        device = info.device if info.device in ("cuda", "mps") else "cpu"
        self._reference = CompactPolicy(base.heal, tensors.field(base.field.weights, device), device, info.name)
        super().__init__(base.heal, tensors.field(base.field.weights, device), device, info.name)
        self.field.module.requires_grad_(True)

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        return self.field.module.parameters()

    def reference(self) -> Policy:
        return self._reference

    def weights(self) -> bytes:
        state = {key: value.detach().cpu().contiguous() for key, value in self.field.module.state_dict().items()}
        # One entry only: safetensors writes several in random order, and the file's checksum is the version.
        return save(state, {"version": str(FIELD_VERSION)})

    def load(self, weights: bytes) -> None:
        try:
            self.field.module.load_state_dict(load(weights))
        except (SafetensorError, RuntimeError) as error:
            raise ModelCorruptError(
                "The saved weights do not fit this version of Porelight.", "Start the training anew."
            ) from error

    def explored(self, condition: Condition) -> torch.Tensor:
        mask = torch.tensor(_ENTRIES).view(1, -1, 1, 1)
        return mask.expand(1, fields.CHANNELS, fields.MODES, fields.MODES).to(self._info.device)

    def marks(self, condition: Condition) -> tuple[Mark, ...]:
        data: CompactCondition = condition.data
        return data.marks

    def slim(self, condition: Condition) -> Condition:
        face = replace(condition.face, lab=np.empty((0, 0, 3), np.float32), regions={})
        return Condition(face, SlimCondition(condition.data.features))

    def canvas(self, condition: Condition) -> Callable[[torch.Tensor], F32]:
        return partial(_paint, _prepare(condition.face, condition.data))


@dataclass(frozen=True)
class _Response:
    """What one unit of a layer's amount does: `values` (h, w) in one channel of L*a*b*, over a window of the grid."""

    layer: str
    channel: int
    rows: slice
    columns: slice
    values: F32


@dataclass(frozen=True)
class _Canvas:
    """One face, ready to be painted: the grid's shape, and the responses of its layers."""

    shape: tuple[int, int]
    responses: tuple[_Response, ...]


def _prepare(face: FaceAnalysis, data: CompactCondition) -> _Canvas:
    """Layers are linear in the amounts; they are taken at 1 on the healed face, where healing is full."""
    removed, protect = going_and_staying(data.marks, data.masks)
    heal = data.change * removed[..., None]
    pores = face.lab - gaussian(face.lab, face.grid_width * PORE_CUT)
    deltas = {
        **unit_layers(face, face.lab + heal, protect),
        "heal": heal,
        "texture": pores * (face.regions["skin"] * (1 - protect))[..., None],
    }
    strengths = Strengths()
    responses = [
        response
        for name, delta in deltas.items()
        if strengths.factor(name)
        for channel in range(3)
        if (response := _response(name, channel, delta[..., channel] * np.float32(strengths.factor(name))))
    ]
    return _Canvas(face.grid.shape, tuple(responses))


def _response(layer: str, channel: int, values: F32) -> _Response | None:
    """Cut to its support; None where it does nothing."""
    where = support(values)
    if where is None:
        return None
    return _Response(layer, channel, *where, np.ascontiguousarray(values[where], np.float32))


def _paint(canvas: _Canvas, latent: torch.Tensor) -> F32:
    amounts = fields.to_field(latent[0].detach().float().cpu().numpy(), canvas.shape)
    change = np.zeros((3, *canvas.shape), np.float32)
    for each in canvas.responses:
        part = amounts[each.layer][each.rows, each.columns]
        change[each.channel, each.rows, each.columns] += part * each.values
    return np.ascontiguousarray(np.moveaxis(change, 0, -1))


def learner(policy: Policy) -> CompactLearner:
    """A learning copy of a loaded compact policy. Raises: TypeError for another kind."""
    if not isinstance(policy, CompactPolicy):
        raise TypeError(f"The policy {policy.info.name} cannot learn here.")
    return CompactLearner(policy)
