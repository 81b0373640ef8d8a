"""Proof that a path runs without float64."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class NoDoubles(TorchDispatchMode):
    """Fails on any operator that takes or gives float64, as Apple GPUs do."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        for value in torch.utils._pytree.tree_leaves((args, kwargs, out)):
            if value is torch.float64 or (isinstance(value, Tensor) and value.dtype == torch.float64):
                raise AssertionError(f"float64 in {func}")
        return out
