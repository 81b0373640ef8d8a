"""FLUX.1 Kontext through diffusers' own pipeline: encode, pack, velocity, decode. Nothing of the pipeline is copied.

Weights come from a local folder in diffusers' layout; nothing is ever downloaded. A LoRA, such as the one that the
BeautyGRPO authors released, is used if its file lies in that folder. diffusers is imported when a model is loaded.
Source: REFERENCES flux-kontext, beautygrpo.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from engine.errors import DeviceError, ModelCorruptError, ModelMissingError
from engine.faces.regions import with_masks
from engine.imageio.colour import from_lab
from engine.layers.split import layers_from_image
from engine.policies.base import Condition, PolicyInfo
from engine.types import F32, FaceAnalysis, Photo, RetouchLayers

LICENCE = "FLUX.1 [dev] Non-Commercial License"
INSTRUCTION = "Beautify this person's face while maintaining a natural and realistic appearance"
STEPS = 28
GUIDANCE = 2.5
"""Prompt, steps and guidance of BeautyGRPO's own inference."""
TOKENS = 512
LORA = "pytorch_lora_weights.safetensors"
ROOMY = 40e9
"""Bytes of GPU memory from which all parts stay on the GPU; below, each waits in main memory until it is used."""

_GET = (
    "Download the folder of black-forest-labs/FLUX.1-Kontext-dev (FLUX.1 [dev] Non-Commercial License) in diffusers' "
    "layout and name it with --model FOLDER."
)


@dataclass(frozen=True)
class _Data:
    """size: (width, height) in model pixels; all tensors on the device, in the transformer's dtype."""

    size: tuple[int, int]
    prompt: Tensor
    pooled: Tensor
    text_ids: Tensor
    image: Tensor
    ids: Tensor


class KontextPolicy:
    """`engine.policies.base.Policy` around a loaded `FluxKontextPipeline`.

    A face is painted at the area that the model's decoder was made for (1024² pixels), with the grid's aspect.
    """

    def __init__(self, pipeline: Any, version: str, *, device: str) -> None:
        self.pipeline, self._device = pipeline, device
        self._area = pipeline.vae.config.sample_size**2
        self._multiple = pipeline.vae_scale_factor * 2
        self._channels = pipeline.transformer.config.in_channels // 4
        shift = _shift(pipeline.scheduler.config, self._area // self._multiple**2)
        self._info = PolicyInfo("kontext", version, LICENCE, STEPS, shift, device)

    @property
    def info(self) -> PolicyInfo:
        return self._info

    def encode(self, photo: Photo, face: FaceAnalysis, instruction: str = "") -> Condition:
        """Text and the face's picture, encoded. Raises: DeviceError if memory runs out."""
        face = with_masks(face, face.lab)  # another policy may have made its masks finer
        width, height = size = self._size(face.grid.shape)
        picture = np.clip(_resize(from_lab(face.lab, None), size), 0, 1)
        with torch.no_grad(), _translated(self._device):
            prompt, pooled, text_ids = self.pipeline.encode_prompt(
                prompt=instruction or INSTRUCTION, prompt_2=None, max_sequence_length=TOKENS
            )
            device = self.pipeline._execution_device
            _, image, ids, image_ids = self.pipeline.prepare_latents(
                self.pipeline.image_processor.preprocess(picture, height, width),
                1,
                self._channels,
                height,
                width,
                prompt.dtype,
                device,
                latents=torch.zeros(1),
            )
        return Condition(face, _Data(size, prompt, pooled, text_ids, image, torch.cat([ids, image_ids])))

    def noise(self, condition: Condition, seed: int) -> Tensor:
        """(1, tokens, channels · 4) float32, packed as the pipeline packs it."""
        width, height = (2 * (side // self._multiple) for side in condition.data.size)
        generator = torch.Generator().manual_seed(seed)
        unpacked = torch.randn((1, self._channels, height, width), generator=generator)
        packed: Tensor = self.pipeline._pack_latents(unpacked, 1, self._channels, height, width)
        return packed.to(condition.data.prompt.device)

    def velocity(self, x: Tensor, sigma: float, condition: Condition) -> Tensor:
        """One run of the transformer. Raises: DeviceError if memory runs out."""
        data: _Data = condition.data
        transformer, dtype, batch = self.pipeline.transformer, data.prompt.dtype, x.shape[0]
        guidance = None
        if transformer.config.guidance_embeds:
            guidance = torch.full((batch,), GUIDANCE, device=x.device, dtype=torch.float32)
        # The pipeline counts time in thousandths and rounds it to the latents' dtype there.
        timestep = torch.full((batch,), sigma * 1000, device=x.device, dtype=torch.float32).to(dtype) / 1000
        with _translated(self._device):
            out: Tensor = transformer(
                hidden_states=torch.cat([x.to(dtype), data.image.expand(batch, -1, -1)], dim=1),
                timestep=timestep,
                guidance=guidance,
                pooled_projections=data.pooled.expand(batch, -1),
                encoder_hidden_states=data.prompt.expand(batch, -1, -1),
                txt_ids=data.text_ids,
                img_ids=data.ids,
                return_dict=False,
            )[0]
        return out[:, : x.shape[1]].to(x.dtype)

    def picture(self, latent: Tensor, condition: Condition) -> F32:
        """The decoded face, (height, width, 3) float32 in 0..1, sRGB-encoded, in model pixels."""
        pipeline, (width, height) = self.pipeline, condition.data.size
        config = pipeline.vae.config
        with torch.no_grad(), _translated(self._device):
            unpacked = pipeline._unpack_latents(latent, height, width, pipeline.vae_scale_factor)
            scaled = (unpacked / config.scaling_factor + config.shift_factor).to(pipeline.vae.dtype)
            decoded = pipeline.vae.decode(scaled, return_dict=False)[0].float()
            if not bool(torch.isfinite(decoded).all()):
                raise ModelCorruptError(
                    "The model's decoder computed values that are not numbers.", "Check the files in the model folder."
                )
            image: F32 = pipeline.image_processor.postprocess(decoded, output_type="np")[0]
        return image.astype(np.float32)

    def decode(self, latent: Tensor, photo: Photo, condition: Condition) -> RetouchLayers:
        face = condition.face
        on_grid = _resize(self.picture(latent, condition), (face.grid.shape[1], face.grid.shape[0]))
        return layers_from_image(photo, face, np.clip(on_grid, 0, 1))

    def _size(self, shape: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the model's area with the grid's aspect, in whole steps, as the pipeline does."""
        aspect = shape[1] / shape[0]
        sides = (self._area * aspect) ** 0.5, (self._area / aspect) ** 0.5
        width, height = (max(1, round(side) // self._multiple) * self._multiple for side in sides)
        return width, height


def load_kontext(model: Path, device: str, *, lora: Path | None = None) -> KontextPolicy:
    """Load from a local folder in diffusers' layout; bfloat16 on GPUs, float32 on the CPU.

    lora: a safetensors file; None means `LORA` in the folder, if it is there.
    Raises: ModelMissingError, ModelCorruptError, DeviceError.
    """
    _check_folder(model)
    found = lora or (model / LORA if (model / LORA).is_file() else None)
    if found is not None and not found.is_file():
        raise ModelMissingError(f"There is no LoRA file {found.name!r}.", "Name an existing safetensors file.")
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    try:
        with _translated(device), _quiet():
            from diffusers import FluxKontextPipeline

            pipeline = FluxKontextPipeline.from_pretrained(
                model, local_files_only=True, use_safetensors=True, dtype=dtype
            )
            if found is not None:
                pipeline.load_lora_weights(
                    found.parent, weight_name=found.name, adapter_name="retouch", local_files_only=True
                )
            pipeline.set_progress_bar_config(disable=True)
            if device == "cuda" and torch.cuda.get_device_properties(0).total_memory < ROOMY:
                pipeline.enable_model_cpu_offload()
            else:
                pipeline.to(device)
    except (DeviceError, ImportError):
        raise
    except Exception as error:  # diffusers, safetensors and json raise of every kind
        raise ModelCorruptError(
            f"The model in {model.name!r} cannot be loaded.", "Download the folder again.", cause=repr(error)
        ) from error
    return KontextPolicy(pipeline, f"1-{_fingerprint(model, found)}", device=device)


def _shift(scheduler: Any, tokens: int) -> float:
    """The time shift s of `schedules.linear` that equals the scheduler's own for a latent of so many tokens."""
    from diffusers.pipelines.flux.pipeline_flux_kontext import calculate_shift

    if not scheduler.get("use_dynamic_shifting"):
        return float(scheduler.get("shift", 1.0))
    mu = calculate_shift(
        tokens,
        scheduler.get("base_image_seq_len", 256),
        scheduler.get("max_image_seq_len", 4096),
        scheduler.get("base_shift", 0.5),
        scheduler.get("max_shift", 1.15),
    )
    return float(mu) if scheduler.get("time_shift_type") == "linear" else math.exp(mu)


def _resize(image: F32, size: tuple[int, int]) -> F32:
    if image.shape[1::-1] == size:
        return image
    shrinks = size[0] * size[1] < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=method), np.float32)


def _check_folder(model: Path) -> None:
    """Raises: ModelMissingError with the first thing that is missing, ModelCorruptError for an unreadable index."""
    index = model / "model_index.json"
    if not model.is_dir():
        raise ModelMissingError(f"There is no model folder {model.name!r}.", _GET)
    if not index.is_file():
        raise ModelMissingError(f"The folder {model.name!r} has no model_index.json.", _GET)
    parts = _json(index)
    if parts.get("_class_name") != "FluxKontextPipeline":
        raise ModelMissingError(f"The folder {model.name!r} holds {parts.get('_class_name')}, not Kontext.", _GET)
    for name, kind in parts.items():
        if not name.startswith("_") and isinstance(kind, list) and kind[0] and not (model / name).is_dir():
            raise ModelMissingError(f"The folder {model.name!r} lacks its part {name!r}.", _GET)
    for name in ("transformer", "vae", "text_encoder", "text_encoder_2"):
        indices = sorted((model / name).glob("*.safetensors.index.json"))
        wanted = {file for i in indices for file in _json(i).get("weight_map", {}).values()}
        missing = sorted(file for file in wanted if not (model / name / file).is_file())
        if missing or not any((model / name).glob("*.safetensors")):
            what = missing[0] if missing else "any safetensors weights"
            raise ModelMissingError(f"The folder {model.name!r} lacks {what} in {name!r}.", _GET)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelCorruptError(f"The file {path.name!r} cannot be read.", "Download the folder again.") from error
    return content if isinstance(content, dict) else {}


def _fingerprint(model: Path, lora: Path | None) -> str:
    """Eight hexadecimal digits from the sizes of all weights and 16 samples of 64 KiB of each: 24 GB in a moment."""
    digest = hashlib.sha256()
    for file in [*sorted(model.glob("*/*.safetensors")), *([lora] if lora else [])]:
        size = file.stat().st_size
        digest.update(f"{file.parent.name}/{file.name} {size}".encode())
        with file.open("rb") as stream:
            for i in range(16):
                stream.seek(max(0, size - 65536) * i // 15)
                digest.update(stream.read(65536))
    return digest.hexdigest()[:8]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep progress bars and notes about packages that Kontext does not need (torchvision) off the terminal."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = transformers_logging, diffusers_logging
    before = [(library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library, (verbosity, bars) in zip(libraries, before, strict=True):
            library.set_verbosity(verbosity)
            if bars:
                library.enable_progress_bar()


@contextmanager
def _translated(device: str) -> Iterator[None]:
    """Turn running out of memory into `DeviceError`."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceError(
            f"The device {device!r} has too little memory for FLUX.1 Kontext.",
            "Close other programs that use it, or use --policy compact.",
        ) from error
