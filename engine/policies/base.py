"""The one contract of all policies: encode, noise, velocity, decode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from engine.sampling.arrays import Latent
from engine.types import F32, FaceAnalysis, Mark, Photo, RetouchLayers

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class PolicyInfo:
    """name: as given to --policy. version: changes whenever results change (weights checksum prefix included).
    steps, shift: the sampler's defaults for this policy (`engine.sampling.schedules`). typical: even number of samples
    whose mean is this policy's typical retouch; 1 where a mean of latents is no retouch, as with pictures."""

    name: str
    version: str
    licence: str
    steps: int
    shift: float
    device: str
    typical: int = 1


@dataclass(frozen=True)
class Condition:
    """What `velocity` needs besides x and σ, for one face. face: with masks that the policy may have made finer.
    data: private to the policy."""

    face: FaceAnalysis
    data: Any


@runtime_checkable
class Policy(Protocol):
    """A flow-matching retouching policy.

    Conventions (methods.md, REFERENCES: rectified-flow): σ = 1 is noise, σ = 0 is data, x_σ = (1 − σ) x₀ + σ ε,
    v = ε − x₀; guidance happens inside `velocity`. Latents are float32 of shape (1, …), numpy arrays or
    torch tensors on the policy's device as the policy likes (`engine.sampling.arrays`).
    """

    @property
    def info(self) -> PolicyInfo: ...

    def encode(self, photo: Photo, face: FaceAnalysis, instruction: str = "") -> Condition:
        """All work that does not depend on the sample: once per face, whatever the number of variations."""
        ...

    def noise(self, condition: Condition, seed: int) -> Latent:
        """Unit Gaussian latent, drawn on the CPU from `seed` and moved, so that it is equal on every device."""
        ...

    def velocity(self, x: Latent, sigma: float, condition: Condition) -> Latent:
        """v(x, σ | condition), same shape and dtype as x."""
        ...

    def decode(self, latent: Latent, photo: Photo, condition: Condition) -> RetouchLayers:
        """The layers that latent x₀ proposes for this face."""
        ...


@runtime_checkable
class TrainablePolicy(Policy, Protocol):
    """A policy that the trainer may adapt. Its `velocity` is differentiable in `parameters`."""

    def parameters(self) -> Iterator[torch.nn.Parameter]: ...

    def reference(self) -> Policy:
        """The policy before adaptation (adapter off), sharing frozen weights."""
        ...

    def weights(self) -> bytes:
        """What adaptation changed, as one safetensors file that `registry.load_policy` takes as a version."""
        ...

    def load(self, weights: bytes) -> None:
        """Take up `weights`. Raises: ModelCorruptError."""
        ...

    def explored(self, condition: Condition) -> torch.Tensor:
        """bool, the latent's shape: the entries that act on skin; only they may be explored (REFERENCES: rc-grpo)."""
        ...

    def marks(self, condition: Condition) -> tuple[Mark, ...]:
        """The ledger of this face, for measuring."""
        ...

    def slim(self, condition: Condition) -> Condition:
        """The condition without its pictures, for `velocity` only: many faces then fit into memory."""
        ...

    def canvas(self, condition: Condition) -> Callable[[torch.Tensor], F32]:
        """A function from a latent (1, …) to what the retouch changes at default strengths: (h, w, 3) L*a*b* on the
        face's grid.

        The same as `decode` rendered, up to resampling and encoding; what is common to all latents of the face is
        worked out here, once.
        """
        ...
