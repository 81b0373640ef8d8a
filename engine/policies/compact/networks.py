"""How the compact policy's two networks compute: ONNX Runtime, or torch (`tensors`), behind one seam.

    heal   L*a*b* (B, 3, H, W) of the face grid, sides multiples of HEAL_MULTIPLE → (B, 3 + K, H, W): the change to the
           skin with every mark healed (L*a*b*) and the probabilities of the K `MARK_CLASSES`
    field  latent (B, C, M, M), σ (B,), features (B, K) → velocity (B, C, M, M)

Both take their weights from the same safetensors, which training writes. ONNX Runtime also needs a graph, which
`trainer.pretrain.export` makes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import SafetensorError, safe_open

from engine.errors import DeviceError, ModelCorruptError
from engine.inference import open_model
from engine.sampling.arrays import Latent, finite
from engine.types import F32

HEAL_WEIGHTS, HEAL_GRAPH = "compact/heal.safetensors", "compact/heal.onnx"
FIELD_WEIGHTS, FIELD_GRAPH = "compact/field.safetensors", "compact/field.onnx"
HEAL_VERSION = 2
FIELD_VERSION = 4
"""Versions of the networks' meaning; files of another version are refused."""
HEAL_MULTIPLE = 16
"""Sides of the heal network's input are multiples of this."""
DEVICE_ERROR = 5e-3
"""Greatest difference of a device's answer from the processor's, as a share of the greatest value."""
REINSTALL = "Install Porelight again, or restore the file from the release."


class OtherVersionError(ModelCorruptError):
    """A sound file whose network means something else."""


@dataclass(frozen=True)
class Weights:
    """Checked weights of a network, float32 by name. source: SHA-256 of their file."""

    name: str
    values: dict[str, F32]
    source: str


def read_weights(path: Path, version: int) -> Weights:
    """Read safetensors after checking version and finiteness. Raises: ModelCorruptError."""
    try:
        with safe_open(str(path), "np") as file:
            found = (file.metadata() or {}).get("version")
            values = {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118
        source = hashlib.sha256(path.read_bytes()).hexdigest()
    except (SafetensorError, OSError) as error:
        raise ModelCorruptError(f"The model file {path.name} cannot be read.", REINSTALL) from error
    _check_version(path.name, found, version)
    if not all(finite(value) for value in values.values()):
        raise ModelCorruptError(f"The model file {path.name} holds values that are not finite.", REINSTALL)
    return Weights(path.name, values, source)


def _check_version(name: str, found: str | None, version: int) -> None:
    if found != str(version):
        raise OtherVersionError(f"The model file {name} is of version {found}, but {version} is needed.", REINSTALL)


def misfit(name: str) -> ModelCorruptError:
    """The error of weights or graphs of another network."""
    return ModelCorruptError(f"The model file {name} does not fit this version of Porelight.", REINSTALL)


class Network(Protocol):
    """weights: what it computes with, whatever computes."""

    weights: Weights

    def array(self, values: F32) -> Latent:
        """Values as this network takes and gives them."""
        ...

    def __call__(self, *inputs: Latent) -> Latent: ...


class OnnxNetwork:
    """A network in ONNX Runtime; takes and gives float32 numpy arrays."""

    def __init__(self, graph: Path, weights: Weights, version: int, probe: Sequence[F32], device: str = "cpu") -> None:
        """probe: inputs of the shapes that will come, with which everything is tried once.

        Raises: ModelCorruptError, DeviceError.
        """
        self.weights = weights
        self._session = open_model(graph, device, weights.values)
        self._inputs = [each.name for each in self._session.get_inputs()]
        _check_version(graph.name, self._session.get_modelmeta().custom_metadata_map.get("version"), version)
        try:
            answer = self(*probe)
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            if device != "cpu":
                raise DeviceError(f"The device {device!r} cannot compute {graph.name}.", "Use --device cpu.") from error
            raise misfit(graph.name) from error
        if device != "cpu":
            expected = OnnxNetwork(graph, weights, version, probe)(*probe)
            if not np.abs(answer - expected).max() <= DEVICE_ERROR * np.abs(expected).max():
                raise DeviceError(f"The device {device!r} computes wrongly.", "Use --device cpu.")

    def array(self, values: F32) -> F32:
        return np.ascontiguousarray(values, np.float32)

    def __call__(self, *inputs: F32) -> F32:
        found: F32 = self._session.run(None, dict(zip(self._inputs, inputs, strict=True)))[0]
        return found
