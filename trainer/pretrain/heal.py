"""Train the heal network on painted and real marks: `python -m trainer.pretrain.heal --portraits DIR --out RUN`.

Resumable (Ctrl-C, kill) from RUN/last.pt; writes RUN/heal.safetensors (averaged weights) at every checkpoint and one
line of measured values to RUN/log.jsonl. bf16 autocast on whatever device there is. Painting is the slower half, so
worker processes paint, and every painted crop is used `REUSE` times, each time turned and mirrored anew. To fill half
an hour on a data-centre GPU: `--minutes 30 --steps 100000 --batch 64 --workers 14 --rate 1e-3`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from engine.imageio.colour import to_lab
from engine.imageio.light import encode
from engine.marks.find import likelihood
from engine.metrics.skin import ita_group, typology_angle
from engine.policies.compact.exposure import exposed, missing_light
from engine.policies.compact.nets import HealNet, to_model
from engine.policies.compact.networks import HEAL_MULTIPLE, HEAL_VERSION
from engine.types import F32, KEPT_BY_DEFAULT, MARK_CLASSES, MarkKind
from trainer.pretrain.faces import TrainingFace, compact_spots, load_faces
from trainer.pretrain.paint import MELANIN, paint
from trainer.pretrain.transplant import Cut, transplant

Rng = np.random.Generator
Example = tuple[Tensor, Tensor, Tensor, Tensor]
"""Input and target in network range (3, S, S), masks (K, S, S) of `MARK_CLASSES`, weight (1, S, S); or with a batch."""

FOUND = 0.25
"""Likelihood of a mark from which the network to begin with finds a person's own marks."""
REAL = 0.5
"""Share of crops with real marks."""
REUSE = 3
POSITIVE = dict(zip(MARK_CLASSES, (4, 6, 6, 6, 12), strict=True))
"""Weight of a class's own pixels in the cross-entropy: freckles are small and faint amid acne, which is neither."""
SHADE = 8
"""Pixels over which colour errors are averaged before they are squared: a few pores."""
SQUARES = 300
"""Weight of these squares."""
POOL = 40
"""Batches' worth of crops that are kept for reuse."""


def _look(linear: F32, rng: Rng) -> F32:
    """Another light, camera and skin tone, on linear RGB: white balance (now and then strong), exposure, melanin."""
    tint = 0.25 if rng.random() < 0.08 else 0.06
    gain = np.exp(rng.normal(size=3) * tint + rng.normal() * 0.25).astype(np.float32)
    melanin = np.float32(rng.uniform(-0.15, 2.0)) if rng.random() < 0.4 else np.float32(0)
    return np.asarray(linear * gain * np.exp(-melanin * MELANIN), np.float32)


def _camera(planes: list[F32], rng: Rng) -> list[F32]:
    """The same camera for all planes, sRGB-encoded: blur or sharpening, noise, saturation, JPEG."""
    if (kind := rng.random()) < 0.3:
        sigma = 0.3 + 1.7 * rng.random() ** 2
        planes = [np.asarray(cv2.GaussianBlur(p, (0, 0), sigma), np.float32) for p in planes]
    elif kind < 0.6:  # up to a wide one, as "clarity", which deepens creases
        amount, sigma = np.float32(rng.uniform(0.2, 0.8)), 1.2 if kind < 0.45 else rng.uniform(2, 10)
        planes = [p + amount * (p - np.asarray(cv2.GaussianBlur(p, (0, 0), sigma), np.float32)) for p in planes]
    noise = rng.standard_normal(planes[0].shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.018))
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.3, 0.9)), np.float32)
    planes = [np.clip(p + noise, 0, 1) for p in planes]
    if (kind := rng.random()) < 0.4:  # a picture style, and now and then black and white
        colour = np.float32(0 if kind < 0.05 else np.exp(rng.normal() * 0.25))
        greys = [p @ np.array([[0.3], [0.59], [0.11]], np.float32) for p in planes]
        planes = [np.clip(grey + colour * (p - grey), 0, 1) for p, grey in zip(planes, greys, strict=True)]
    if rng.random() < 0.25:
        quality = int(rng.integers(60, 97))
        planes = [_through_jpeg(p, quality) for p in planes]
    return planes


def _through_jpeg(image: F32, quality: int) -> F32:
    packed = cv2.imencode(".jpg", np.round(image * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded.astype(np.float32) / np.float32(255)


def crop(face: TrainingFace, size: int, rng: Rng, cuts: Sequence[Cut] = ()) -> Example:
    """One training example at a random scale: faces of about 230 to 770 pixels. cuts: real marks to set in as well."""
    scale = float(np.exp(rng.uniform(np.log(0.45), np.log(1.5))))
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
    width = face.width * size / take
    painted = paint(_look(linear, rng), skin, width, rng)
    marked, classes = painted.marked, painted.classes
    if cuts and rng.random() < REAL:
        real = transplant(marked, skin, width, cuts, rng)
        marked = real.marked
        for kind, mask in ((MarkKind.BLEMISH, real.removable), (MarkKind.MOLE, real.keep)):
            classes[MARK_CLASSES.index(kind)] = np.maximum(classes[MARK_CLASSES.index(kind)], mask)
    marked, clean = _camera([encode(marked), encode(painted.clean)], rng)
    weight = (1 - np.clip(natural * 1.5, 0, 1)).astype(np.float32)
    labs = [to_lab(p, None) for p in (marked, clean)]
    light = missing_light(labs[0], skin > 0.5)  # as the product shows it
    source, target = (to_model(_planes(exposed(lab, light))) for lab in labs)
    return source, target, torch.from_numpy(classes), torch.from_numpy(weight)[None]


def _planes(image: F32) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


class Crops(IterableDataset[Example]):
    """Endless painted crops, drawn from (seed, start, worker): a resumed run goes on with fresh ones."""

    def __init__(self, faces: list[TrainingFace], size: int, seed: int, start: int) -> None:
        self.faces, self.size, self.seed, self.chances = faces, size, (seed, start), chances_of(faces)
        self.cuts = [cut for face in faces for cut in face.cuts]

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        rng = np.random.default_rng((*self.seed, worker.id if worker else 0))
        while True:
            yield crop(self.faces[int(rng.choice(len(self.faces), p=self.chances))], self.size, rng, self.cuts)


def chances_of(faces: list[TrainingFace]) -> npt.NDArray[np.float64]:
    """How often each face is drawn: a group of skin colour as the square root of its number of faces, so that few dark
    faces among many light ones are seen more often than that; within it as its bumps squared, as marks are hardest to
    tell on rough and wrinkled skin."""
    groups, rough = [_colour(face) for face in faces], [face.bumps**2 for face in faces]
    total = {group: sum(r for g, r in zip(groups, rough, strict=True) if g == group) for group in groups}
    chances = np.array([r / total[g] * groups.count(g) ** 0.5 for g, r in zip(groups, rough, strict=True)], np.float64)
    return np.asarray(chances / chances.sum())


def _colour(face: TrainingFace) -> str:
    """Group of skin colour, from every fourth pixel."""
    linear, skin = (plane[::4, ::4].astype(np.float32) for plane in (face.linear, face.skin))
    return ita_group(typology_angle(to_lab(encode(linear), None), skin / np.float32(255)))


def batches(crops: Iterator[Example], count: int, rng: Rng) -> Iterator[Example]:
    """Batches of `count` from a pool in which each crop stays until it was used about `REUSE` times."""
    pool: list[Example] = [next(crops) for _ in range(2 * count)]
    while True:
        for _ in range(max(1, count // REUSE)):
            fresh = next(crops)
            if len(pool) < POOL * count:
                pool.append(fresh)
            else:
                pool[int(rng.integers(len(pool)))] = fresh
        chosen = [_turned(pool[int(i)], rng) for i in rng.choice(len(pool), count, replace=False)]
        yield tuple(torch.stack(parts) for parts in zip(*chosen, strict=True))  # type: ignore[misc]


def _turned(example: Example, rng: Rng) -> Example:
    """Mirrored half of the time, and now and then a quarter turn: people lie down, too."""
    mirror, quarter = rng.random() < 0.5, int(rng.choice([0, 1, 3], p=[0.8, 0.1, 0.1]))

    def turn(t: Tensor) -> Tensor:
        return torch.rot90(t.flip(-1) if mirror else t, quarter, (-2, -1))

    source, target, masks, weight = example
    return turn(source), turn(target), turn(masks), turn(weight)


def loss_of(
    out: Tensor, source: Tensor, target: Tensor, masks: Tensor, weight: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Charbonnier and gradient loss on the healed skin, squares of its shades, all heavier inside marks; cross-entropy
    and Dice on the masks.

    The first two alone heal towards the median, which is lighter than skin is on average, as pores are dark, and leave
    more of what may be a mark or not. A mark painted over a person's own is one, but what is below it is no skin to
    learn from."""
    residual, logits = out[:, :3], out[:, 3:]
    healed = source + residual
    inside = masks.amax(1, keepdim=True)
    w = weight * (1 + 8 * inside)
    colour = (((healed - target) ** 2 + 1e-6).sqrt() * w).mean()
    shade = F.avg_pool2d((healed - target) * w, SHADE) ** 2 / F.avg_pool2d(w, SHADE).clamp_min(0.1)
    dx = (healed - target).diff(dim=-1).abs() * w[..., 1:]
    dy = (healed - target).diff(dim=-2).abs() * w[..., 1:, :]
    edge = dx.mean() + dy.mean()
    positive = 1 + masks * masks.new_tensor(list(POSITIVE.values()))[:, None, None]
    told = torch.maximum(weight, inside)
    bce = (F.binary_cross_entropy_with_logits(logits, masks, reduction="none") * positive * told).mean()
    any_mark = 1 - (1 - torch.sigmoid(logits)).prod(1, keepdim=True)
    dice = _dice(torch.sigmoid(logits), masks, told)
    union = _dice(any_mark, inside, told)
    total = 10 * colour + SQUARES * shade.mean() + 5 * edge + 2.5 * bce + 0.3 * dice.mean() + 0.3 * union.mean()
    with torch.no_grad():
        before = ((source - target).abs() * inside * weight).sum()
        left = ((healed - target).abs() * inside * weight).sum() / before.clamp_min(1e-6)
        idle = (residual.abs() * (1 - inside) * weight).mean() * 50
        measured = {"loss": total, "left": left, "shade": SQUARES * shade.mean(), "idle": idle, "union": union}
        parts: dict[str, Any] = {name: float(value) for name, value in measured.items()}
    return total, {**parts, "dice": [round(float(d), 3) for d in dice.detach()]}


def _dice(p: Tensor, masks: Tensor, weight: Tensor) -> Tensor:
    """1 − Dice per channel over the batch."""
    overlap = (p * masks * weight).sum((0, 2, 3))
    return 1 - (2 * overlap + 1) / ((p * weight).sum((0, 2, 3)) + (masks * weight).sum((0, 2, 3)) + 1)


def save(weights: Mapping[str, Tensor], path: Path) -> None:
    state = {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in weights.items()}
    save_file(state, path, {"network": "heal", "version": str(HEAL_VERSION)})


def mean_of(weights: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of several trainings' weights. Those that began with the same weights, and these, lie in one valley, and
    between them a network often does better than at any of them (REFERENCES: model-soups, wise-ft)."""
    return {k: torch.stack([each[k].float().cpu() for each in weights]).mean(0) for k in weights[0]}


def start_from(model: HealNet, path: Path) -> None:
    """Begin with other weights, also of a network with fewer blocks, as a new block changes nothing. Those of version 1
    told only removable and kept marks: their maps start each class."""
    state = {k: v.float() for k, v in load_file(path).items()}
    area, own = model.unshuffle**2, model.state_dict()
    if state["head.bias"].shape[0] == 5 * area:
        maps = [4 if kind in KEPT_BY_DEFAULT else 3 for kind in MARK_CLASSES]
        for key in ("head.weight", "head.bias"):
            split = state[key].unflatten(0, (5, area))
            state[key] = torch.cat([split[:3], split[maps]]).flatten(0, 1)
    added = {k: v for k, v in own.items() if k.startswith("mid.") and k not in state}
    model.load_state_dict({k: v.to(own[k]) for k, v in state.items()} | added)


def with_found(face: TrainingFace, model: HealNet, device: str = "cpu") -> TrainingFace:
    """The face, with what a network finds on it among its own marks: those that no blob detector tells from rough skin
    would else teach the next network to leave marks alone."""
    lab = to_lab(encode(face.linear.astype(np.float32)), None)
    skin = face.skin.astype(np.float32) / np.float32(255)
    pad = ((0, -lab.shape[0] % HEAL_MULTIPLE), (0, -lab.shape[1] % HEAL_MULTIPLE), (0, 0))
    shown = np.pad(exposed(lab, missing_light(lab, skin > 0.5)), pad, mode="edge")
    with torch.inference_mode():
        logits = model(to_model(_planes(shown)[None].to(device)))[0, 3:, : lab.shape[0], : lab.shape[1]]
    found = compact_spots(likelihood(torch.sigmoid(logits).cpu().numpy()) > FOUND, skin, face.width)
    return replace(face, natural=np.maximum(face.natural, found))


@dataclass
class Run:
    """All that a checkpoint holds, and other weights, whose mean with its own is written."""

    model: HealNet
    average: torch.optim.swa_utils.AveragedModel
    optimiser: torch.optim.Optimizer
    others: Sequence[Mapping[str, Tensor]] = ()
    step: int = 0
    seconds: float = 0.0

    def save(self, out: Path) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, out / "last.tmp")
        (out / "last.tmp").replace(out / "last.pt")
        save(mean_of([self.average.module.state_dict(), *self.others]), out / "heal.safetensors")

    def load(self, path: Path, device: str) -> None:
        state = torch.load(path, map_location=device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]


def train(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cv2.setNumThreads(0)  # before its threads exist: the painting processes are forked from this one
    faces = [f for f in load_faces(args.portraits / "train", args.cache) if not f.held_out]
    torch.manual_seed(args.seed)
    model = HealNet(tuple(args.widths), args.unshuffle, args.depth).to(device)
    if args.init:
        start_from(model, args.init)
        faces = [with_found(face, model, device) for face in faces]
    print(json.dumps({"faces": len(faces), "device": device}), flush=True)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.997))
    optimiser = torch.optim.AdamW(model.parameters(), args.rate, betas=(0.9, 0.98), weight_decay=0.01)
    run = Run(model, average, optimiser, [load_file(path) for path in args.mean_with])
    if (args.out / "last.pt").exists():
        run.load(args.out / "last.pt", device)
    loader = DataLoader(
        Crops(faces, args.size, args.seed, run.step), batch_size=None, num_workers=args.workers, prefetch_factor=8
    )
    examples = batches(iter(loader), args.batch, np.random.default_rng((args.seed, run.step)))
    while (done := max(run.step / args.steps, run.seconds / (60 * args.minutes))) < 1:
        begun = time.monotonic()
        parts = _advance(run, next(examples), done, args, device)
        run.seconds += time.monotonic() - begun
        if run.step % 20 == 0:
            line = json.dumps({"step": run.step, "seconds": round(run.seconds), **parts})
            print(line, flush=True)
            with (args.out / "log.jsonl").open("a") as log:
                log.write(line + "\n")
        if run.step % 100 == 0:
            run.save(args.out)
    run.save(args.out)


def _advance(run: Run, example: Example, done: float, args: argparse.Namespace, device: str) -> dict[str, float]:
    """One step of AdamW, with warm-up and a cosine to 2% of the rate at `done` = 1."""
    rate = args.rate * min(1, (run.step + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * done))
    for group in run.optimiser.param_groups:
        group["lr"] = float(max(rate, args.rate * 0.02))
    source, target, masks, weight = (t.to(device, non_blocking=True) for t in example)
    with torch.autocast(device, torch.bfloat16):
        out = run.model(source.to(memory_format=torch.channels_last))
    loss, parts = loss_of(out.float(), source, target, masks, weight)
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimiser.step()
    run.average.update_parameters(run.model)
    run.step += 1
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True, help="folder that holds train/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--init", type=Path, help="heal.safetensors to begin with")
    parser.add_argument(
        "--mean-with", type=Path, nargs="+", default=[], help="other heal.safetensors; the mean of all is written"
    )
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--minutes", type=float, default=120, help="training ends at --steps or here, if sooner")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--widths", type=int, nargs=3, default=[64, 96, 144], help="of another network, to compare")
    parser.add_argument("--unshuffle", type=int, default=4, help="likewise; the product runs the default only")
    parser.add_argument("--depth", type=int, default=3, help="likewise")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
