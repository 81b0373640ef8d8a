"""A DINOv2 with random weights, as small as tests need or of any other size: the real classes, the real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

SMALL = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "image_size": 518}
"""The size of facebook/dinov2-small."""


def save(folder: Path, seed: int = 0, **config: Any) -> Path:
    """Build and save in the form of a downloaded folder; the same weights for the same seed and size."""
    from transformers import Dinov2Config, Dinov2Model

    size = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56, "patch_size": 14}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        Dinov2Model(Dinov2Config(**{**size, **config})).save_pretrained(folder)
    return folder
