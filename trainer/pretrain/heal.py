"""Train the heal network on painted marks: `python -m trainer.pretrain.heal --portraits DIR --out RUN`.

Resumable (Ctrl-C, kill) from RUN/last.pt; writes RUN/heal.safetensors (averaged weights) at every checkpoint and one
line of measured values to RUN/log.jsonl. Uses bf16 autocast and whatever device there is.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from engine.imageio.colour import to_lab
from engine.policies.compact.nets import HEAL_VERSION, HealNet, to_model
from engine.types import F32
from trainer.pretrain.faces import TrainingFace, load_faces
from trainer.pretrain.light import encode
from trainer.pretrain.paint import paint

Rng = np.random.Generator


def _look(linear: F32, rng: Rng) -> F32:
    """Random white balance, exposure and tint of the light, on linear RGB."""
    gain = np.exp(rng.normal(size=3) * 0.06 + rng.normal() * 0.25).astype(np.float32)
    return linear * gain


def _soften(planes: list[F32], rng: Rng) -> list[F32]:
    """The same camera for all planes: optional blur, then optional noise on the inputs' common grid."""
    if rng.random() < 0.35:
        sigma = rng.uniform(0.3, 1.3)
        planes = [np.asarray(cv2.GaussianBlur(p, (0, 0), sigma), np.float32) for p in planes]
    noise = (rng.normal(size=planes[0].shape) * rng.uniform(0, 0.012)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.3, 0.9)) * 1.5
    return [p + noise for p in planes]


def crop(face: TrainingFace, size: int, rng: Rng) -> tuple[F32, F32, F32, F32]:
    """One training example: input Lab (S, S, 3), target Lab with all marks healed, masks (S, S, 2), weight (S, S)."""
    scale = float(np.exp(rng.uniform(np.log(0.65), np.log(1.5))))
    take = min(int(size / scale), min(face.linear.shape[:2]))
    ys, xs = np.nonzero(face.skin[::8, ::8] > 200)
    i = int(rng.integers(len(ys)))
    h, w = face.linear.shape[:2]
    y = int(np.clip(ys[i] * 8 - take // 2 + rng.integers(-take // 3, take // 3 + 1), 0, h - take))
    x = int(np.clip(xs[i] * 8 - take // 2 + rng.integers(-take // 3, take // 3 + 1), 0, w - take))
    window = slice(y, y + take), slice(x, x + take)
    how = cv2.INTER_AREA if take > size else cv2.INTER_CUBIC

    def fit(a: npt.NDArray[Any]) -> F32:
        part = np.ascontiguousarray(a[window]).astype(np.float32)
        return np.asarray(cv2.resize(part, (size, size), interpolation=how), np.float32)

    full = np.float32(255)
    linear, skin, natural = np.clip(fit(face.linear), 0, 1), fit(face.skin) / full, fit(face.natural) / full
    if rng.random() < 0.5:
        linear, skin, natural = (np.ascontiguousarray(a[:, ::-1]) for a in (linear, skin, natural))
    painted = paint(_look(linear, rng), skin, face.width * size / take, rng)
    marked, clean = _soften([encode(painted.marked), encode(painted.clean)], rng)
    masks = np.stack([painted.removable, painted.keep], -1)
    weight = (1 - np.clip(natural * 1.5, 0, 1)).astype(np.float32)
    return to_lab(np.clip(marked, 0, 1), None), to_lab(np.clip(clean, 0, 1), None), masks, weight


def batch(faces: list[TrainingFace], count: int, size: int, rng: Rng) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    items = [crop(faces[int(rng.integers(len(faces)))], size, rng) for _ in range(count)]
    lab, clean, masks = (torch.from_numpy(np.stack([i[k] for i in items])).permute(0, 3, 1, 2) for k in range(3))
    weight = torch.from_numpy(np.stack([i[3] for i in items]))[:, None]
    return to_model(lab), to_model(clean), masks.contiguous(), weight


def loss_of(
    out: Tensor, source: Tensor, target: Tensor, masks: Tensor, weight: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Charbonnier and gradient loss on the healed skin, heavier inside marks; cross-entropy and Dice on the masks."""
    residual, logits = out[:, :3], out[:, 3:5]
    healed = source + residual
    inside = masks.amax(1, keepdim=True)
    w = weight * (1 + 8 * inside)
    colour = (((healed - target) ** 2 + 1e-6).sqrt() * w).mean()
    dx = (healed - target).diff(dim=-1).abs() * w[..., 1:]
    dy = (healed - target).diff(dim=-2).abs() * w[..., 1:, :]
    edge = dx.mean() + dy.mean()
    positive = 1 + 4 * masks
    bce = (F.binary_cross_entropy_with_logits(logits, masks, reduction="none") * positive * weight).mean()
    p = torch.sigmoid(logits) * weight
    overlap = (p * masks).sum((0, 2, 3))
    dice = 1 - (2 * overlap + 1) / (p.sum((0, 2, 3)) + (masks * weight).sum((0, 2, 3)) + 1)
    total = 10 * colour + 5 * edge + bce + 0.3 * dice.mean()
    with torch.no_grad():
        before = ((source - target).abs() * inside * weight).sum()
        left = ((healed - target).abs() * inside * weight).sum() / before.clamp_min(1e-6)
        idle = (residual.abs() * (1 - inside) * weight).mean() * 50
    parts = {"loss": float(total), "left": float(left), "idle": float(idle)}
    return total, {**parts, "dice": [round(1 - float(d), 3) for d in dice]}  # type: ignore[dict-item]


def save(model: torch.nn.Module, path: Path) -> None:
    state = {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in model.state_dict().items()}
    save_file(state, path, {"network": "heal", "version": str(HEAL_VERSION)})


def train(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    faces = [f for f in load_faces(args.portraits / "train", args.cache) if not f.held_out]
    print(json.dumps({"faces": len(faces), "device": device}), flush=True)
    torch.manual_seed(0)
    model: HealNet = HealNet().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995))
    optimiser = torch.optim.AdamW(model.parameters(), args.rate, betas=(0.9, 0.98), weight_decay=0.01)
    step, last = 0, args.out / "last.pt"
    if last.exists():
        state = torch.load(last, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    started = time.monotonic()
    while step < args.steps and time.monotonic() - started < args.minutes * 60:
        rate = args.rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * step / args.steps))
        for group in optimiser.param_groups:
            group["lr"] = float(max(rate, args.rate * 0.02))
        rng = np.random.default_rng((args.seed, step))
        source, target, masks, weight = (t.to(device) for t in batch(faces, args.batch, args.size, rng))
        with torch.autocast(device, torch.bfloat16):
            out = model(source.to(memory_format=torch.channels_last))
        loss, parts = loss_of(out.float(), source, target, masks, weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(model)
        step += 1
        if step % 20 == 0:
            line = json.dumps({"step": step, "seconds": round(time.monotonic() - started), **parts})
            print(line, flush=True)
            with (args.out / "log.jsonl").open("a") as log:
                log.write(line + "\n")
        if step % 100 == 0 or step == args.steps:
            checkpoint = {
                "model": model.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
            }
            torch.save(checkpoint, last.with_suffix(".tmp"))
            last.with_suffix(".tmp").replace(last)
            save(average.module, args.out / "heal.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True, help="folder that holds train/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
