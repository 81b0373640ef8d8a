"""Measure a policy against the numbers it should reach, on people never trained on.

    python -m trainer.pretrain.measure --portraits DIR [--anchors DIR] [--marks PHOTO…] [--limit N] [--classical]

Marks are painted on held-out portraits by two generators, one of which nothing was trained on, and by a third, which
takes real marks from the photos of `--marks`; the pictures go through the product's own path (analyse, encode, sample,
decode, render). With `--anchors`, photos with acne and another retoucher's results (N_input and N_other) are compared
too. Prints one JSON object: per row the aim, mean, worst decile, groups of skin colour and their gap, and whether the
aim is met.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine import paths
from engine.errors import EngineError
from engine.evaluation.cases import find_cases
from engine.evaluation.run import OURS, Tools, evaluate
from engine.evaluation.summary import BEFORE, LEAST_GROUP, Row, by_method, spread
from engine.faces.analysis import analyse
from engine.imageio.read import read_photo
from engine.metrics.skin import ITA_GROUPS
from engine.policies.base import Policy
from engine.policies.registry import DEFAULT, load_policy
from trainer.pretrain.faces import is_held_out, person_of
from trainer.pretrain.transplant import cut_marks
from trainer.pretrain.trials import (
    GENERATORS,
    TRANSPLANTED,
    Generator,
    Trial,
    as_it_is,
    painted,
    transplanting,
)

HEAVY: Final = 20
"""Spots to remove from which a face of the anchors counts as heavy acne."""


@dataclass(frozen=True)
class Aim:
    """low, high: the range that the mean should lie in. best: side of the worst decile, as in `summary.spread`.
    percent: groups are compared in points of a hundred, and may differ by five."""

    low: float
    high: float
    best: str
    percent: bool = True


TEXTURE: Final = Aim(0.90, 1.05, "one")
AIMS: Final = {
    **{f"removed, {name} generator": Aim(0.90, math.inf, "high") for name in (*GENERATORS, TRANSPLANTED)},
    **{f"kept, {name} generator": Aim(0.95, 1.05, "one") for name in (*GENERATORS, TRANSPLANTED)},
    "scars kept, first generator": Aim(0.95, 1.05, "one"),
    **{f"texture, {name} generator": TEXTURE for name in (*GENERATORS, TRANSPLANTED)},
    "texture of untouched portraits": TEXTURE,
    "clean skin, CIEDE2000": Aim(0, 0.6, "low", percent=False),
    "change outside skin, codes": Aim(0, 1, "low", percent=False),
    "change outside skin, share above the feather": Aim(0, 0, "low"),
    "landmark drift": Aim(0, 0.001, "low", percent=False),
}
GAP: Final = 0.05
"""Greatest difference between groups of skin colour in a row of shares."""
PAINTINGS: Final = 12
"""A group of skin colour is judged by so many paintings at least: those of a small one are painted several times."""
WEIGHTS_MB: Final = 25.0


def held_out(folder: Path, limit: int) -> list[Path]:
    """Portraits of people never trained on, in an order that mixes the sets but is always the same."""
    found = [path for path in sorted(folder.rglob("*.jpg")) if is_held_out(person_of(path))]
    return sorted(found, key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())[:limit]


def measure_portraits(
    policy: Policy,
    portraits: Sequence[Path],
    with_classical: bool,
    generators: Mapping[str, Generator] = GENERATORS,
) -> list[Trial]:
    """All trials of all portraits, one for each portrait and row; those that show no single face are left out."""
    trials: list[Trial] = []
    groups: dict[Path, str] = {}
    for path in portraits:
        try:
            found = as_it_is(path.stem, read_photo(path), policy, with_classical)
            if found:
                trials += found
                groups[path] = found[0].group
        except EngineError as error:
            _leave_out(path, error)
    sizes = Counter(groups.values())
    for path, group in groups.items():
        try:
            photo = read_photo(path)
            face = analyse(photo, embed=False)[0][0]
            for number in range(-(-PAINTINGS // sizes[group])):
                seed = portraits.index(path) + number * len(portraits)
                for generator in generators.items():
                    trials += painted(path.stem, photo, face, group, generator, policy, seed, with_classical)
        except EngineError as error:
            _leave_out(path, error)
    return _averaged(trials)


def _leave_out(path: Path, error: EngineError) -> None:
    print(json.dumps({"left_out": path.name, "reason": str(error)}), file=sys.stderr)


def _averaged(trials: Sequence[Trial]) -> list[Trial]:
    """One trial of each portrait and retoucher, of all its paintings taken together: shares of contrast count by how
    much contrast there was. Those are left out in which a value was not to be had."""
    found: dict[tuple[str, str, str], dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for trial in trials:
        for name, value in trial.values.items():
            if not math.isnan(value):
                found[trial.portrait, trial.method, trial.group][name].append((value, trial.weights.get(name, 1.0)))
    means = {key: {name: np.array(pairs) for name, pairs in rows.items()} for key, rows in found.items()}
    return [
        Trial(*key, {name: float(np.average(pairs[:, 0], weights=pairs[:, 1])) for name, pairs in rows.items()})
        for key, rows in means.items()
    ]


def table(trials: Sequence[Trial], method: str) -> dict[str, dict[str, Any]]:
    """Row → what it says of one retoucher."""
    mine = [trial for trial in trials if trial.method == method]
    return {name: _row(mine, name, aim) for name, aim in AIMS.items() if any(name in t.values for t in mine)}


def _row(trials: Sequence[Trial], name: str, aim: Aim) -> dict[str, Any]:
    found = spread([trial.values[name] for trial in trials if name in trial.values], aim.best)
    groups: dict[str, list[float]] = {}
    for group, _ in ITA_GROUPS:
        values = [t.values[name] for t in trials if t.group == group and math.isfinite(t.values.get(name, math.nan))]
        if values:
            groups[group] = values
    compared = [float(np.mean(values)) for values in groups.values() if len(values) >= LEAST_GROUP]
    gap = max(compared) - min(compared) if len(compared) > 1 else None
    return {
        "aim": [aim.low, aim.high if math.isfinite(aim.high) else None],
        "mean": _rounded(found.mean),
        "worst_decile": _rounded(found.worst),
        "count": found.count,
        "met": aim.low <= round(found.mean, 6) <= aim.high,
        "groups": {group: [_rounded(float(np.mean(v))), len(v)] for group, v in groups.items()},
        "gap": None if gap is None else _rounded(gap),
        "gap_met": None if gap is None or not aim.percent else gap <= GAP,
    }


def measure_anchors(policy: Policy, folder: Path, with_classical: bool) -> dict[str, Any]:
    """Real faces with acne beside another retoucher's results; marks are found without any network and believed where
    one of the two fades them."""
    found = evaluate(find_cases(folder), Tools(policy=policy, classical=with_classical, pictures=0))
    faces = {
        f"{row.photo} {row.method}": {
            "removed": _rounded(row.measures.blemish_removed),
            "texture": _rounded(row.measures.pore_retention),
            "kept": _rounded(row.measures.kept_contrast),
            "spots": row.marks[0],
        }
        for row in found.rows
        if row.method != BEFORE
    }
    heavy = [row for row in found.rows if row.marks[0] >= HEAVY]
    methods = {method: _anchor_row(rows) for method, rows in by_method(heavy).items() if method != BEFORE}
    others = [name for name in methods if name in {result for case in find_cases(folder) for result in case.results}]
    result: dict[str, Any] = {"faces": faces, "heavy acne": methods}
    if OURS in methods and others:
        best = max(methods[name]["removed"] for name in others)
        result["met"] = methods[OURS]["removed"] >= best - 0.03 and methods[OURS]["texture"] >= 0.85
    return result


def _anchor_row(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "removed": _rounded(spread((row.measures.blemish_removed for row in rows), "high").mean),
        "texture": _rounded(spread((row.measures.pore_retention for row in rows), "one").mean),
        "faces": len(rows),
    }


def weights_megabytes() -> float:
    """Size of the compact policy's weights in the repository."""
    folder = paths.shipped_models() / "compact"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _rounded(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True, help="folder of portraits, or one that holds train/")
    parser.add_argument("--anchors", type=Path, help="folder of N_input and N_other pictures")
    parser.add_argument("--marks", type=Path, nargs="+", default=[], help="photos whose marks are transplanted")
    parser.add_argument("--limit", type=int, default=24, help="portraits at most")
    parser.add_argument("--policy", default=DEFAULT)
    parser.add_argument("--classical", action="store_true", help="also the classical tools")
    args = parser.parse_args(arguments)
    policy = load_policy(args.policy, device="cpu")
    train = args.portraits / "train"
    portraits = held_out(train if train.is_dir() else args.portraits, args.limit)
    generators = dict(GENERATORS)
    try:
        photos = map(read_photo, args.marks)
        cuts = [cut for photo in photos for cut in cut_marks(photo, analyse(photo, embed=False)[0])]
    except EngineError as error:
        parser.error(str(error))
    if args.marks and not cuts:
        parser.error("No marks were found on the photos of --marks: name photos of skin with acne.")
    if cuts:
        generators[TRANSPLANTED] = transplanting(cuts)
    trials = measure_portraits(policy, portraits, args.classical, generators)
    methods = list(dict.fromkeys(trial.method for trial in trials))
    megabytes = weights_megabytes()
    result: dict[str, Any] = {
        "policy": policy.info.version,
        "portraits": len({trial.portrait for trial in trials}),
        "marks": {"to remove": sum(not cut.stays for cut in cuts), "to keep": sum(cut.stays for cut in cuts)},
        "rows": {method: table(trials, method) for method in methods},
        "weights": {"aim": [0, WEIGHTS_MB], "megabytes": round(megabytes, 2), "met": megabytes <= WEIGHTS_MB},
    }
    if args.anchors is not None:
        result["anchors"] = measure_anchors(policy, args.anchors, args.classical)
    print(json.dumps(result, indent=1, allow_nan=False))


if __name__ == "__main__":
    main()
