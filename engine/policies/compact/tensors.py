"""The compact policy's networks in torch: for training, and where ONNX Runtime has no such device."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from engine.policies.compact import field as fields
from engine.policies.compact.nets import FieldNet, HealNet, from_model, to_model
from engine.policies.compact.networks import Weights, misfit
from engine.types import F32

Net = TypeVar("Net", bound=nn.Module)


class HealMaps(nn.Module):
    """The heal network between L*a*b* and maps, see `networks`."""

    def __init__(self, net: HealNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, lab: Tensor) -> Tensor:
        out = self.net(to_model(lab))
        return torch.cat([from_model(out[:, :3]), torch.sigmoid(out[:, 3:])], 1)


class TorchNetwork:
    """A module; takes and gives tensors on its device, and records gradients where its parameters ask for them."""

    def __init__(self, module: nn.Module, weights: Weights, device: str = "cpu") -> None:
        self.module, self.weights, self._device = module.to(device), weights, device

    def array(self, values: F32) -> Tensor:
        # Copied into torch's own memory, whose alignment is always the same: products then are, too, to the last bit.
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(self._device, copy=True)

    def __call__(self, *inputs: Tensor) -> Tensor:
        out: Tensor = self.module(*inputs)
        return out


def loaded(net: Net, weights: Weights) -> Net:
    """`net` with these weights, frozen. Raises: ModelCorruptError if names or shapes differ."""
    try:
        net.load_state_dict({key: torch.from_numpy(value) for key, value in weights.values.items()})
    except RuntimeError as error:
        raise misfit(weights.name) from error
    return net.eval().requires_grad_(False)


def heal(weights: Weights, device: str = "cpu") -> TorchNetwork:
    """The heal network. Raises: ModelCorruptError."""
    module: nn.Module = HealMaps(loaded(HealNet(), weights))
    module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TorchNetwork(module, weights, device)


def field(weights: Weights, device: str = "cpu") -> TorchNetwork:
    """The field flow. Raises: ModelCorruptError."""
    net = FieldNet(fields.CHANNELS, fields.MODES, fields.FEATURES)
    return TorchNetwork(loaded(net, weights), weights, device)
