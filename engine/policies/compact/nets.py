"""The two networks of the compact policy: heal (a U-Net) and field flow (a residual MLP). torch only, no I/O."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.types import MARK_CLASSES

HEAL_CHANNELS = 3 + len(MARK_CLASSES)


def to_model(lab: Tensor) -> Tensor:
    """L*a*b* (…, 3, H, W) into the network's range of about [-1, 1]."""
    scale = lab.new_tensor([50.0, 40.0, 40.0]).view(3, 1, 1)
    shift = lab.new_tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
    return lab / scale - shift


def from_model(delta: Tensor) -> Tensor:
    """A difference in network range back to L*a*b* units."""
    return delta * delta.new_tensor([50.0, 40.0, 40.0]).view(3, 1, 1)


def _silence(layer: nn.Conv2d | nn.Linear) -> None:
    """Let a layer start at zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class Block(nn.Module):
    """Pre-norm residual block of two 3×3 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        _silence(self.conv2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.conv1(F.silu(self.norm(x)))))


class HealNet(nn.Module):
    """Finds marks and proposes the skin without them.

    Input (B, 3, H, W) from `to_model`, faces about 512 px wide, sides multiples of 16. Output
    (B, HEAL_CHANNELS, H, W): the difference to the skin with every mark healed (network range, 3 channels), then one
    logit for each of `MARK_CLASSES`. A U-Net on pixel-unshuffled input, so that no full-resolution convolution runs.
    """

    def __init__(self, widths: tuple[int, int, int] = (64, 96, 144), unshuffle: int = 4, depth: int = 3) -> None:
        """depth: blocks at the coarsest scale."""
        super().__init__()
        self.unshuffle = unshuffle
        w0, w1, w2 = widths
        self.stem = nn.Conv2d(3 * unshuffle**2, w0, 3, padding=1)
        self.enc0 = nn.Sequential(Block(w0), Block(w0))
        self.down1 = nn.Conv2d(w0, w1, 2, stride=2)
        self.enc1 = nn.Sequential(Block(w1), Block(w1))
        self.down2 = nn.Conv2d(w1, w2, 2, stride=2)
        self.mid = nn.Sequential(*(Block(w2) for _ in range(depth)))
        self.up1 = nn.Conv2d(w2, w1 * 4, 1)
        self.dec1 = nn.Sequential(nn.Conv2d(2 * w1, w1, 1), Block(w1), Block(w1))
        self.up0 = nn.Conv2d(w1, w0 * 4, 1)
        self.dec0 = nn.Sequential(nn.Conv2d(2 * w0, w0, 1), Block(w0), Block(w0))
        self.head = nn.Conv2d(w0, HEAL_CHANNELS * unshuffle**2, 3, padding=1)
        _silence(self.head)

    def forward(self, x: Tensor) -> Tensor:
        e0 = self.enc0(self.stem(F.pixel_unshuffle(x, self.unshuffle)))
        e1 = self.enc1(self.down1(e0))
        m = self.mid(self.down2(e1))
        d1 = self.dec1(torch.cat([F.pixel_shuffle(self.up1(m), 2), e1], 1))
        d0 = self.dec0(torch.cat([F.pixel_shuffle(self.up0(d1), 2), e0], 1))
        return F.pixel_shuffle(self.head(d0), self.unshuffle)


class FieldNet(nn.Module):
    """Velocity of the retouch-field flow: v(x, σ | features).

    x (B, C, M, M) whitened field modes (`field.Field`), sigma (B,), features (B, K). A residual MLP with the time
    and the features entering every block by scale and shift.
    """

    def __init__(self, channels: int, modes: int, features: int, width: int = 128, depth: int = 4) -> None:
        super().__init__()
        self.shape = (channels, modes, modes)
        size = channels * modes * modes
        self.feature_mean: Tensor
        self.feature_std: Tensor
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_std", torch.ones(features))
        self.condition = nn.Sequential(nn.Linear(features + 64, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.stem = nn.Linear(size, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(depth))
        self.adapt = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(depth))
        self.inner = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)) for _ in range(depth)
        )
        self.head = nn.Linear(width, size)
        _silence(self.head)

    def forward(self, x: Tensor, sigma: Tensor, features: Tensor) -> Tensor:
        frequencies = torch.exp(torch.arange(32, device=x.device, dtype=x.dtype) * (math.log(1000.0) / 31))
        angle = sigma[:, None] * frequencies
        scaled = ((features - self.feature_mean) / self.feature_std).clamp(-4, 4)
        c = self.condition(torch.cat([scaled, angle.sin(), angle.cos()], 1))
        h = self.stem(x.flatten(1))
        for norm, adapt, inner in zip(self.norms, self.adapt, self.inner, strict=True):
            scale, shift = adapt(c).chunk(2, 1)
            h = h + inner(norm(h) * (1 + scale) + shift)
        return self.head(h).view(x.shape)
