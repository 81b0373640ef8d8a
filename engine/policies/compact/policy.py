"""The shipped policy: a heal network at the face grid's scale and a flow over the retouch field. Runs on a CPU."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch.nn import functional as F

from engine.errors import ModelCorruptError
from engine.layers.build import build_layers
from engine.marks.fill import close_marks
from engine.marks.find import MarkMasks, find_marks
from engine.policies import versions
from engine.policies.base import Condition, PolicyInfo
from engine.policies.compact import field as fields
from engine.policies.compact.nets import HEAL_MULTIPLE, HEAL_VERSION, FieldNet, HealNet, from_model, to_model
from engine.policies.compact.propose import lab_deltas
from engine.policies.versions import SHIPPED, Version
from engine.types import F32, Decision, FaceAnalysis, Mark, Photo, RetouchLayers
from engine.weights.catalogue import locate

HEAL_FILE = "compact/heal.safetensors"
FIELD_FILE = "compact/field.safetensors"
FIELD_VERSION = 1
STEPS = 16
SHIFT = 3.0
"""A shifted schedule with fine steps near σ = 1, where the global style is decided."""


@dataclass(frozen=True)
class CompactCondition:
    """Everything about a face that no sample changes."""

    features: torch.Tensor
    change: F32
    marks: tuple[Mark, ...]
    masks: MarkMasks


def load_weights(net: nn.Module, path: Path, version: int) -> nn.Module:
    """Load safetensors into `net` after checking version, names, shapes and finiteness.

    Raises: ModelCorruptError.
    """
    hint = "Install Porelight again, or restore the file from the release."
    try:
        with safe_open(str(path), "pt") as file:
            found = (file.metadata() or {}).get("version")
            state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelCorruptError(f"The model file {path.name} cannot be read.", hint) from error
    if found != str(version):
        raise ModelCorruptError(f"The model file {path.name} is of version {found}, but {version} is needed.", hint)
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise ModelCorruptError(f"The model file {path.name} holds values that are not finite.", hint)
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise ModelCorruptError(f"The model file {path.name} does not fit this version of Porelight.", hint) from error
    return net.eval().requires_grad_(False)


class CompactPolicy:
    """Implements `engine.policies.base.Policy`. Latents are (1, C, M, M), see `field`."""

    def __init__(self, heal: HealNet, field: FieldNet, version: str, device: str, name: str = SHIPPED) -> None:
        self.heal = heal.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.field = field.to(device)
        self._info = PolicyInfo(name, version, "Apache-2.0", STEPS, SHIFT, device)

    @property
    def info(self) -> PolicyInfo:
        return self._info

    def encode(self, photo: Photo, face: FaceAnalysis, instruction: str = "") -> Condition:
        """Find and heal all marks, and measure what the face needs; `instruction` is not used."""
        change, classes = self._heal(face)
        marks, masks = find_marks(face, change, classes)
        change = close_marks(face.lab, change, masks.soft, face.regions["skin"], face.grid_width)
        features = torch.from_numpy(fields.face_features(face))[None].to(self._info.device)
        return Condition(face, CompactCondition(features, change, marks, masks))

    def noise(self, condition: Condition, seed: int) -> torch.Tensor:
        generator = torch.Generator("cpu").manual_seed(seed)
        shape = (1, fields.CHANNELS, fields.MODES, fields.MODES)
        return torch.randn(shape, generator=generator, dtype=torch.float32).to(self._info.device)

    @torch.no_grad()
    def velocity(self, x: torch.Tensor, sigma: float, condition: Condition) -> torch.Tensor:
        data: CompactCondition = condition.data
        time = torch.full((x.shape[0],), sigma, dtype=x.dtype, device=x.device)
        return self.field(x, time, data.features.expand(x.shape[0], -1))

    def decode(self, latent: torch.Tensor, photo: Photo, condition: Condition) -> RetouchLayers:
        data: CompactCondition = condition.data
        face = condition.face
        amounts = fields.to_field(latent[0].float().cpu().numpy(), face.grid.shape)
        masks = replace(data.masks, soft=data.masks.soft * amounts["heal"])
        removed = np.isin(data.masks.labels, [i + 1 for i, m in enumerate(data.marks) if m.decision is Decision.REMOVE])
        base = face.lab + data.change * (masks.soft * removed)[..., None]
        protect = np.where(removed, np.float32(0), data.masks.soft)
        return build_layers(
            photo,
            face,
            lab_deltas(face, base, protect, amounts),
            texture_gain=amounts["texture"] * face.regions["skin"] * (1 - protect),
            marks=data.marks,
            healed_lab=face.lab + data.change,
            mark_masks=masks,
        )

    @torch.no_grad()
    def _heal(self, face: FaceAnalysis) -> tuple[F32, F32]:
        """Change (h, w, 3) in L*a*b* and the probabilities (K, h, w) of `MARK_CLASSES`."""
        h, w = face.grid.shape
        lab = torch.from_numpy(np.ascontiguousarray(face.lab)).permute(2, 0, 1)[None].to(self._info.device)
        pad = (0, -w % HEAL_MULTIPLE, 0, -h % HEAL_MULTIPLE)
        x = F.pad(to_model(lab), pad, mode="replicate").contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=_fast_bf16(x.device.type)):
            out = self.heal(x)
        out = out[0, :, :h, :w].float()
        if not bool(torch.isfinite(out).all()):
            raise ModelCorruptError(
                "The heal network gave values that are not finite on this device.", "Use --device cpu."
            )
        maps = torch.sigmoid(out[3:]).cpu().numpy()
        change = from_model(out[None, :3])[0].permute(1, 2, 0).cpu().numpy()
        return np.ascontiguousarray(change, dtype=np.float32), maps


def _fast_bf16(device: str) -> bool:
    """bf16 where the hardware multiplies it natively; elsewhere float32 is faster."""
    if device == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return device == "cuda"


def load_compact(device: str = "cpu", trained: Version | None = None) -> CompactPolicy:
    """The shipped weights, or a trained version's in place of the flow's; checksums proved.

    Raises: ModelMissingError, ModelCorruptError.
    """
    heal_path = locate(HEAL_FILE)
    field_path = locate(FIELD_FILE) if trained is None else versions.weights_of(trained)
    heal = load_weights(HealNet(), heal_path, HEAL_VERSION)
    field = load_weights(FieldNet(fields.CHANNELS, fields.MODES, fields.FEATURES), field_path, FIELD_VERSION)
    assert isinstance(heal, HealNet) and isinstance(field, FieldNet)
    version = version_of(field_path.read_bytes())
    return CompactPolicy(heal, field, version, device, trained.name if trained else SHIPPED)


def version_of(field: bytes) -> str:
    """`PolicyInfo.version` of the shipped heal network with these weights of the flow."""
    digest = hashlib.sha256(locate(HEAL_FILE).read_bytes() + field).hexdigest()
    return f"1-{digest[:8]}"
