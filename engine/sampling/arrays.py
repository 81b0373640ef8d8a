"""What sampling needs of a latent besides arithmetic, for numpy arrays and torch tensors alike.

A policy chooses what its latents are: numpy arrays where ONNX Runtime computes, torch tensors where torch does. torch
is never imported here, since a tensor brings all that is asked of it; random numbers are numpy's, drawn on the CPU, so
that they are equal for both and on every device.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from engine.types import F32

Latent = Any
"""A floating numpy array or torch tensor of shape (B, …)."""


def gaussian(shape: tuple[int, ...], generator: np.random.Generator) -> F32:
    """Unit Gaussian numbers."""
    return generator.standard_normal(shape, dtype=np.float32)


def like(values: F32, latent: Latent) -> Latent:
    """numpy values as float32 of the latent's kind, on its device."""
    return values if isinstance(latent, np.ndarray) else latent.float().new_tensor(values)


def matching(values: Latent, latent: Latent) -> Latent:
    """Values of the latent's kind, in its dtype and on its device."""
    return values.astype(latent.dtype, copy=False) if isinstance(latent, np.ndarray) else values.to(latent)


def float32(latent: Latent) -> Latent:
    """The same as float32."""
    return latent.astype(np.float32, copy=False) if isinstance(latent, np.ndarray) else latent.float()


def to_numpy(latent: Latent) -> F32:
    """The same as a float32 numpy array; never part of a gradient."""
    return np.asarray(latent if isinstance(latent, np.ndarray) else latent.detach().float().cpu().numpy(), np.float32)


def joined(latents: Sequence[Latent]) -> Latent:
    """Latents (B, …) of one kind as one batch."""
    return np.concatenate(latents) if isinstance(latents[0], np.ndarray) else sys.modules["torch"].cat([*latents])


def mean(latent: Latent) -> Latent:
    """(1, …) mean over the batch."""
    return latent.mean(axis=0)[None]


def where(mask: Latent, chosen: Latent, other: Latent) -> Latent:
    """`chosen` where the bool mask is True, else `other`; all of one kind."""
    return np.where(mask, chosen, other) if isinstance(chosen, np.ndarray) else chosen.where(mask, other)


def narrow(latent: Latent) -> bool:
    """Whether the dtype is floating and at most 32 bits wide: Apple GPUs lack float64."""
    if isinstance(latent, np.ndarray):
        return latent.dtype.kind == "f" and latent.itemsize <= 4
    return bool(latent.is_floating_point() and latent.element_size() <= 4)


def finite(latent: Latent) -> bool:
    """Whether every value is a number."""
    return bool((np.isfinite(latent) if isinstance(latent, np.ndarray) else latent.isfinite()).all())


def without_gradients(latent: Latent) -> AbstractContextManager[Any]:
    """A context in which nothing is recorded for gradients."""
    return nullcontext() if isinstance(latent, np.ndarray) else sys.modules["torch"].no_grad()
