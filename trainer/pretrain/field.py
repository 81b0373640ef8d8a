"""Train the retouch-field flow: `python -m trainer.pretrain.field --portraits DIR --out RUN`.

Data are styles that the project makes itself (`trainer.pretrain.styles`) for the features of real faces. Flow matching
with the straight path x_σ = (1 − σ) x₀ + σ ε, loss |v − (ε − x₀)|² (REFERENCES: lipman2023). Minutes on one CPU core.
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
from engine.types import F32
from trainer.pretrain.faces import analysed, is_held_out, person_of
from trainer.pretrain.styles import Needs, sample_style, to_modes, vary_features

JITTER = 0.1
"""Noise on the features, as a share of their spread over people."""


def load_features(folder: Path, cache: Path) -> F32:
    """(N, FEATURES) of all portraits under `folder` but those of held-out people; `cache` remembers them."""
    cache.mkdir(parents=True, exist_ok=True)
    found = []
    for path in sorted(folder.rglob("*.jpg")):
        if is_held_out(person_of(path)):
            continue
        store = cache / f"{path.parent.name}-{path.stem}.features-{FIELD_VERSION}.npy"
        if not store.exists():
            _, face = analysed(path) or (None, None)
            np.save(store, np.zeros(0, np.float32) if face is None else fields.face_features(face))
        found.append(np.load(store))
    return np.stack([features for features in found if features.size])


def train(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    features = load_features(args.portraits / "train", args.cache)
    needs, rng = Needs.of(features), np.random.default_rng(args.seed)
    spread = np.maximum(features.std(0), 1e-3).astype(np.float32)

    def batch() -> tuple[F32, F32]:
        """(B, FEATURES) features and (B, C, M, M) latents of styles for them."""
        pick = rng.integers(len(features), size=args.batch)
        given = vary_features(features[pick], JITTER * spread, rng)
        return given, fields.to_latent(to_modes(sample_style(needs(given), rng)))

    examples = [batch() for _ in range(20)]
    seen, latents = (np.concatenate(part) for part in zip(*examples, strict=True))
    print(json.dumps({"faces": len(features), "latent_std": round(float(latents.std()), 3)}), flush=True)
    torch.manual_seed(args.seed)
    net = FieldNet(fields.CHANNELS, fields.MODES, fields.FEATURES)
    net.feature_mean.copy_(torch.from_numpy(seen.mean(0)))
    net.feature_std.copy_(torch.from_numpy(np.maximum(seen.std(0), 1e-3)))
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999))
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, args.steps, pct_start=0.05)
    losses = []
    for step in range(1, args.steps + 1):
        given, styles = batch()
        data = torch.from_numpy(styles)
        noise = torch.randn_like(data)
        sigma = torch.rand(args.batch)
        sigma = torch.where(torch.rand(args.batch) < 0.5, sigma, 3 * sigma / (1 + 2 * sigma))  # half near σ = 1
        s = sigma[:, None, None, None]
        out = net((1 - s) * data + s * noise, sigma, torch.from_numpy(given))
        loss = ((out - (noise - data)) ** 2).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(net)
        losses.append(loss.item())
        if step % 500 == 0:
            print(json.dumps({"step": step, "loss": round(float(np.mean(losses[-500:])), 4)}), flush=True)
    state = {k: v.detach().to(torch.float16).contiguous() for k, v in average.module.state_dict().items()}
    made = {"network": "field", "version": str(FIELD_VERSION), "typical_needs": json.dumps(needs.typical)}
    save_file(state, args.out / "field.safetensors", made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True, help="folder that holds train/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--steps", type=int, default=40000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
