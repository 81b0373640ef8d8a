"""Train the retouch-field flow: `python -m trainer.pretrain.field --portraits DIR --out RUN`.

Data are styles that the project makes itself (`sample_style`): a hand (strong or light), tastes per layer and regional
differences, each scaled by what the face needs, measured by `field.face_features`. Flow matching with the straight path
x_σ = (1 − σ) x₀ + σ ε, loss |v − (ε − x₀)|² (REFERENCES: lipman2023). A few minutes on two CPU cores.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from engine.policies.compact import field as fields
from engine.policies.compact.nets import FieldNet
from engine.policies.compact.networks import FIELD_VERSION
from engine.types import F32, LAYERS
from trainer.pretrain.faces import load_faces

CELLS = fields.MODES * fields.MODES
NEED_OF = {"smooth": 1, "tone": 3, "light": 2}
"""Layers whose need is a per-cell band rms: row of `face_features`."""
HAND_SPREAD, TASTE_SPREAD, REGION_SPREAD = 0.25, 0.25, 0.12


class Needs:
    """Turns face features into needs around 1, by the medians of the training faces."""

    def __init__(self, features: F32) -> None:
        self.median = np.maximum(np.median(features, 0), 1e-3)

    def __call__(self, features: F32) -> F32:
        """(C, M, M) need of each layer: 0 nothing to do, 1 a typical face, up to 1.8."""
        cells = features[: 7 * CELLS].reshape(7, fields.MODES, fields.MODES)
        typical = self.median[: 7 * CELLS].reshape(7, fields.MODES, fields.MODES)
        rest = features[7 * CELLS :]
        need = np.ones((fields.CHANNELS, fields.MODES, fields.MODES), np.float32)
        for name, row in NEED_OF.items():
            need[LAYERS.index(name)] = np.clip(np.maximum(cells[row], 0) ** 0.8 / typical[row].mean() ** 0.8, 0.2, 1.8)
        need[LAYERS.index("shine")] = np.clip((rest[10] - 8) / 8, 0.1, 1.8)
        need[LAYERS.index("under_eye")] = np.clip((5 - rest[3]) / 6, 0.1, 1.8)
        need[LAYERS.index("teeth")] = np.clip(rest[4] / 12, 0.1, 1.6) if rest[9] > 0.05 else 0.5
        return need


def sample_style(need: F32, rng: np.random.Generator) -> F32:
    """One retouch (C, M, M) in amount units on the cells of the aligned face."""
    hand = np.exp(rng.normal() * HAND_SPREAD)
    taste = np.exp(rng.normal(size=(fields.CHANNELS, 1, 1)) * TASTE_SPREAD)
    region = 1 + rng.normal(size=need.shape) * REGION_SPREAD
    amount = fields.MEANS[:, None, None] * need * hand * taste * region
    heal, texture = LAYERS.index("heal"), LAYERS.index("texture")
    amount[heal] = 1.0 + rng.normal() * 0.03
    amount[texture] = fields.MEANS[texture] + rng.normal() * fields.STDS[texture] * 0.7
    limits = np.array([fields.LIMITS[name] for name in LAYERS], np.float32)[:, None, None]
    return np.clip(amount, 0, limits * 1.1).astype(np.float32)


def to_modes(cells: F32) -> F32:
    """Cosine modes of values at the cell centres, as many as cells, smoothed: a retoucher's hand knows no cells."""
    inverse = np.linalg.inv(fields.cosine_basis(fields.MODES))
    return (np.einsum("ki,cij,lj->ckl", inverse, cells, inverse) * fields.SMOOTHNESS).astype(np.float32)


def train(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    faces = [f for f in load_faces(args.portraits / "train", args.cache, args.every) if not f.held_out]
    features = np.stack([f.features for f in faces])
    needs = Needs(features)
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    net = FieldNet(fields.CHANNELS, fields.MODES, fields.FEATURES)
    net.feature_mean.copy_(torch.from_numpy(features.mean(0)))
    net.feature_std.copy_(torch.from_numpy(np.maximum(features.std(0), 1e-2)))
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999))
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3, args.steps, pct_start=0.05)
    spread = features.std(0) * 0.15
    for step in range(1, args.steps + 1):
        pick = rng.integers(len(faces), size=args.batch)
        given = (features[pick] + rng.normal(size=(args.batch, features.shape[1])) * spread).astype(np.float32)
        data = torch.from_numpy(np.stack([fields.to_latent(to_modes(sample_style(needs(f), rng))) for f in given]))
        noise = torch.randn_like(data)
        sigma = torch.rand(args.batch)
        sigma = torch.where(torch.rand(args.batch) < 0.5, sigma, 3 * sigma / (1 + 2 * sigma))  # half near σ = 1
        s = sigma[:, None, None, None]
        out = net((1 - s) * data + s * noise, sigma, torch.from_numpy(given))
        loss = ((out - (noise - data)) ** 2).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        average.update_parameters(net)
        if step % 250 == 0:
            print(json.dumps({"step": step, "loss": round(loss.item(), 4)}), flush=True)
    state = {k: v.detach().to(torch.float16).contiguous() for k, v in average.module.state_dict().items()}
    save_file(state, args.out / "field.safetensors", {"network": "field", "version": str(FIELD_VERSION)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True, help="folder that holds train/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--every", type=int, default=1, help="use every n-th portrait only")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
