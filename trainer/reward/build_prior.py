"""Make the shipped prior of the reward: python -m trainer.reward.build_prior --portraits DIR

Retouches of people the policy was trained on are drawn and measured; the mean of each feature, and its spread between
retouches of one face, become its unit. Each kind of family (one feature, a group, a contrast, everything) is as
common as the others. Afterwards: python -m installer.update_catalogue
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from pathlib import Path

import numpy as np

from engine.errors import EngineError
from engine.paths import shipped_models
from engine.policies.versions import SHIPPED
from trainer.reward.features import NAMES
from trainer.reward.measuring import Loaded, OpenFace
from trainer.reward.prior import FILE, OVERALL, Prior
from trainer.reward.world import people, retouches

LEAST_SPREAD = 1e-3
"""Unit of a feature that hardly ever differs: below this differences are noise of rounding."""


def make_prior(measured: list[np.ndarray]) -> Prior:
    """measured: (n, f) features of the retouches of each face."""
    everything = np.concatenate(measured)
    within = np.concatenate([each - each.mean(0) for each in measured])
    scale = np.maximum(np.sqrt((within.astype(np.float64) ** 2).mean(0)), LEAST_SPREAD)
    prior = Prior(NAMES, everything.mean(0).astype(np.float64), scale, {})
    names = [family.name for family in prior.families(OVERALL)]
    kinds = Counter(name.split()[0] for name in names)
    weights = {name: round(-math.log(kinds[name.split()[0]] * len(kinds)), 6) for name in names}
    return Prior(NAMES, prior.centre, prior.scale, weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=80)
    parser.add_argument("--count", type=int, default=12, help="retouches of each face")
    parser.add_argument("--out", type=Path, default=shipped_models() / FILE)
    options = parser.parse_args()
    policy = Loaded()(SHIPPED, "")
    measured = []
    for number, path in enumerate(people(options.portraits, options.faces, held_out=False)):
        try:
            opened = OpenFace(path, policy)
            found = [opened.measure(each.pixels) for each in retouches(opened, policy, options.count, number)]
        except EngineError as error:
            print(error)
            continue
        measured.append(np.stack(found))
        print(f"{number + 1:3d} {path.name}", flush=True)
    make_prior(measured).save(options.out)
    print(f"{options.out}: {len(measured)} faces, {sum(map(len, measured))} retouches")


if __name__ == "__main__":
    main()
