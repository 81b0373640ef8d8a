"""Measure the shipped policy on people never trained on: `python -m trainer.pretrain.measure --portraits DIR`.

Marks are painted on held-out portraits at source resolution; the painted picture goes through the product's own path
(analyse, encode, sample, decode, render). Prints one JSON object with means and worst deciles.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from engine.faces import analyse
from engine.imageio import read_photo
from engine.imageio.colour import from_lab, to_lab
from engine.metrics.texture import texture_retention
from engine.policies.base import Policy
from engine.policies.registry import load_policy
from engine.session import RetouchSession
from engine.types import F32
from trainer.pretrain.faces import is_held_out, person_of
from trainer.pretrain.light import encode, linearise
from trainer.pretrain.paint import Painted, paint


def _share(after: F32, clean: F32, marked: F32, mask: F32) -> float | None:
    """Share of the contrast marked − clean still in `after`, by least squares inside the mask; None without marks."""
    w = mask[..., None] * (mask[..., None] > 0.3)
    change = (marked - clean) * w
    energy = float((change * (marked - clean)).sum())
    return float((change * (after - clean)).sum()) / energy if energy > 1 else None


def measure(policy: Policy, path: Path, seed: int) -> dict[str, float] | None:
    photo = read_photo(path)
    faces, _ = analyse(photo, embed=False)
    if len(faces) != 1:
        return None
    face = faces[0]
    x0, y0, x1, y1 = face.grid.box
    skin = np.zeros(photo.pixels.shape[:2], np.float32)
    skin[y0:y1, x0:x1] = cv2.resize(face.regions["skin"], (x1 - x0, y1 - y0))
    linear = linearise(from_lab(to_lab(photo.pixels, photo.icc), None))
    painted: Painted = paint(linear, skin, face.width, np.random.default_rng(seed), severity=120.0)
    marked = np.round(encode(painted.marked) * 255).astype(np.uint8)
    session = RetouchSession(replace(photo, pixels=marked, icc=None))
    if not session.analyse():
        return None
    session.propose(policy)
    lab = {name: to_lab(encode(getattr(painted, name)), None) for name in ("marked", "kept", "clean")}
    lab_after = to_lab(session.render(), None)
    quiet = skin * (painted.removable < 0.02) * (painted.keep < 0.02)
    left = _share(lab_after, lab["kept"], lab["marked"], painted.removable * (painted.keep < 0.1))
    kept = _share(lab_after, lab["clean"], lab["kept"], painted.keep * (painted.removable < 0.05))
    result = {"texture": texture_retention(lab["marked"], lab_after, quiet, face.width)}
    if left is not None:
        result["removed"] = 1 - left
    if kept is not None:
        result["kept"] = kept
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True, help="folder that holds train/")
    parser.add_argument("--limit", type=int, default=24)
    args = parser.parse_args()
    policy = load_policy("compact", device="cpu")
    paths = [p for p in sorted((args.portraits / "train").rglob("*.jpg")) if is_held_out(person_of(p))]
    rows = [r for i, p in enumerate(paths[: args.limit]) if (r := measure(policy, p, i))]
    summary: dict[str, object] = {"policy": policy.info.version, "portraits": len(rows)}
    for key in ("removed", "kept", "texture"):
        values = np.array([r[key] for r in rows if key in r])
        summary[key] = {
            "mean": round(float(values.mean()), 3),
            "worst_decile": round(float(np.percentile(values, 10)), 3),
            "count": len(values),
        }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
