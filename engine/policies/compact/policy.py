"""The shipped policy: a heal network at the face grid's scale and a flow over the retouch field. Runs on a CPU."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.device import Runtime, beside
from engine.errors import ModelCorruptError
from engine.faces.raster import ramp
from engine.faces.regions import with_masks
from engine.faces.skin import sample_mask
from engine.layers.build import build_layers, scaled
from engine.marks.fill import close_marks
from engine.marks.find import MarkMasks, find_marks, likelihood
from engine.policies import versions
from engine.policies.base import Condition, PolicyInfo
from engine.policies.compact import field as fields
from engine.policies.compact import networks
from engine.policies.compact.exposure import exposed, missing_light
from engine.policies.compact.networks import HEAL_MULTIPLE, Network
from engine.policies.compact.propose import unit_layers
from engine.policies.versions import SHIPPED, Version
from engine.sampling.arrays import Latent, gaussian, to_numpy
from engine.types import F32, LAYERS, Decision, FaceAnalysis, Mark, Photo, RetouchLayers
from engine.weights.catalogue import locate

STEPS = 24
SHIFT = 2.0
"""A shifted schedule with fine steps near σ = 1, where the global style is decided."""
AVERAGED = 32
"""Samples whose mean is the typical retouch: amounts of layers, unlike pictures, can be averaged."""
LIKELY = 0.15, 0.45
"""Likelihood of a mark from which the skin is looked for as it is healed, in part and wholly."""
TYPICAL = {name: min(float(mean), fields.LIMITS[name]) for name, mean in zip(LAYERS, fields.MEANS, strict=True)}
"""Amounts in which a face's layers are encoded once; a sample's are multiples of them."""


@dataclass(frozen=True)
class CompactCondition:
    """Everything about a face that no sample changes. layers: in amounts of `TYPICAL`, which samples scale."""

    features: F32
    change: F32
    marks: tuple[Mark, ...]
    masks: MarkMasks
    layers: RetouchLayers


class CompactPolicy:
    """Implements `engine.policies.base.Policy`. Latents are (1, C, M, M), see `field`."""

    def __init__(self, heal: Network, field: Network, device: str, name: str = SHIPPED) -> None:
        self.heal, self.field = heal, field
        version = _version(heal.weights.source, field.weights.source)
        self._info = PolicyInfo(name, version, "Apache-2.0", STEPS, SHIFT, device, AVERAGED)

    @property
    def info(self) -> PolicyInfo:
        return self._info

    def encode(self, photo: Photo, face: FaceAnalysis, instruction: str = "") -> Condition:
        """Find and heal all marks, measure what the face needs, build its layers; `instruction` is not used."""
        change, classes = self._heal(face)
        face = with_masks(face, face.lab + change * ramp(likelihood(classes), *LIKELY)[..., None])
        skin = face.regions["skin"]  # all regions are made here, before two threads look at them

        def healed() -> tuple[F32, tuple[Mark, ...], MarkMasks]:
            marks, masks = find_marks(face, change, classes)
            return close_marks(face.lab, change, masks.labels, masks.soft, skin, face.grid_width), marks, masks

        (closed, marks, masks), features = beside(healed, lambda: fields.face_features(face))
        layers = _typical_layers(photo, face, closed, marks, masks)
        return Condition(face, CompactCondition(features, closed, marks, masks, layers))

    def noise(self, condition: Condition, seed: int) -> Latent:
        shape = (1, fields.CHANNELS, fields.MODES, fields.MODES)
        return self.field.array(gaussian(shape, np.random.default_rng(seed)))

    def velocity(self, x: Latent, sigma: float, condition: Condition) -> Latent:
        data: CompactCondition = condition.data
        time = np.full(x.shape[0], sigma, np.float32)
        features = np.repeat(data.features[None], x.shape[0], axis=0)
        return self.field(x, self.field.array(time), self.field.array(features))

    def decode(self, latent: Latent, photo: Photo, condition: Condition) -> RetouchLayers:
        data: CompactCondition = condition.data
        modes, shape = fields.to_modes(to_numpy(latent)[0]), condition.face.grid.shape
        layers = scaled(data.layers, lambda name: fields.amount(modes, name, shape) / TYPICAL[name])
        return replace(layers, ceilings=fields.ceilings(modes))

    def _heal(self, face: FaceAnalysis) -> tuple[F32, F32]:
        """Change (h, w, 3) in L*a*b* and the probabilities (K, h, w) of `MARK_CLASSES`."""
        h, w = face.grid.shape
        pad = ((0, -h % HEAL_MULTIPLE), (0, -w % HEAL_MULTIPLE), (0, 0))
        samples = sample_mask(face.grid.to_grid(face.landmarks), face.grid.shape, face.grid_width) > 0
        light = missing_light(face.lab, samples)
        lab = np.pad(exposed(face.lab, light), pad, mode="edge").transpose(2, 0, 1)
        out = to_numpy(self.heal(self.heal.array(lab[None])))[0, :, :h, :w]
        if not np.isfinite(out).all():
            raise ModelCorruptError(
                "The heal network gave values that are not finite on this device.", "Use --device cpu."
            )
        return np.ascontiguousarray(out[:3].transpose(1, 2, 0)) / light, out[3:]


def going_and_staying(marks: tuple[Mark, ...], masks: MarkMasks) -> tuple[F32, F32]:
    """(h, w) soft masks of the marks that are proposed to be removed, and of those that stay."""
    removed = np.isin(masks.labels, [i + 1 for i, m in enumerate(marks) if m.decision is Decision.REMOVE])
    return masks.soft * removed, np.where(removed, np.float32(0), masks.soft)


def _typical_layers(
    photo: Photo, face: FaceAnalysis, change: F32, marks: tuple[Mark, ...], masks: MarkMasks
) -> RetouchLayers:
    removed, protect = going_and_staying(marks, masks)
    base = face.lab + change * removed[..., None]
    return build_layers(
        photo,
        face,
        {name: unit * np.float32(TYPICAL[name]) for name, unit in unit_layers(face, base, protect).items()},
        texture_gain=np.float32(TYPICAL["texture"]) * face.regions["skin"] * (1 - protect),
        marks=marks,
        healed_lab=face.lab + change,
        mark_masks=masks,
    )


def load_compact(device: str = "cpu", runtime: Runtime = "onnx", trained: Version | None = None) -> CompactPolicy:
    """The shipped weights, or a trained version's in place of the flow's; checksums proved.

    Raises: ModelMissingError, ModelCorruptError, DeviceError.
    """
    try:
        field = load_field(device, runtime, None if trained is None else versions.weights_of(trained))
    except networks.OtherVersionError as error:
        if trained is None:
            raise
        raise ModelCorruptError(
            f"The policy {trained.name} was trained for another version of Porelight.",
            "Train it anew from its picks, or go back to another policy (porelight policies).",
        ) from error
    return CompactPolicy(load_heal(device, runtime), field, device, trained.name if trained else SHIPPED)


def version_of(field: bytes) -> str:
    """`PolicyInfo.version` of the shipped heal network with these weights of the flow."""
    heal = locate(networks.HEAL_WEIGHTS).read_bytes()
    return _version(*(hashlib.sha256(data).hexdigest() for data in (heal, field)))


def _version(heal: str, field: str) -> str:
    """From the checksums of the weights; 15 is the version of all else that decides pixels, such as random numbers."""
    return f"15-{hashlib.sha256((heal + field).encode()).hexdigest()[:8]}"


def load_heal(device: str, runtime: Runtime) -> Network:
    """The shipped heal network. Raises: as `load_compact`."""
    weights = networks.read_weights(locate(networks.HEAL_WEIGHTS), networks.HEAL_VERSION)
    if runtime == "torch":
        from engine.policies.compact import tensors

        return tensors.heal(weights, device)
    side = 2 * HEAL_MULTIPLE
    probe = [np.linspace(0, 60, 3 * side**2, dtype=np.float32).reshape(1, 3, side, side)]
    return networks.OnnxNetwork(locate(networks.HEAL_GRAPH), weights, networks.HEAL_VERSION, probe, device)


def load_field(device: str, runtime: Runtime, path: Path | None = None) -> Network:
    """The field flow with the shipped weights, or those of `path`. Raises: as `load_compact`."""
    weights = networks.read_weights(path or locate(networks.FIELD_WEIGHTS), networks.FIELD_VERSION)
    if runtime == "torch":
        from engine.policies.compact import tensors

        return tensors.field(weights, device)
    latent = np.zeros((1, fields.CHANNELS, fields.MODES, fields.MODES), np.float32)
    probe = [latent, np.ones(1, np.float32), np.zeros((1, fields.FEATURES), np.float32)]
    return networks.OnnxNetwork(locate(networks.FIELD_GRAPH), weights, networks.FIELD_VERSION, probe, device)
