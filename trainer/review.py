"""A blind review: two policies' retouches of the same photos side by side, on random sides, and what the answers say.

DIR/001-original.png, 001-A.png, 001-B.png …   one pair a photo; some pairs come again with sides turned
DIR/answers.csv                                pair,answer with A, B or tie; filled in by hand, or by `Review.answer`
DIR/key.json                                   which side is which; not to be opened before the answers are given

torch-free; policies are loaded only to make a review. The window and the command line both work on this.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import cv2
import numpy as np

from engine.errors import EngineError, NoFaceError, UsageError
from engine.jobs import CancelToken, Progress, Report, silent
from engine.paths import write_atomic
from engine.session import RetouchSession
from engine.types import Photo, Pixels
from trainer.statistics import Share, sign_test

if TYPE_CHECKING:
    from engine.policies.base import Policy

VERSION: Final = 1
KEY, ANSWERS = "key.json", "answers.csv"
REPEATED: Final = 0.1
"""Share of pairs that come again with sides turned, to measure the reviewer's own consistency."""
LEAST_REPEATED_FROM: Final = 5

Answer = Literal["A", "B", "tie"]


class ReviewError(EngineError):
    """A review cannot be made, or its answers cannot be read."""

    code = "review"


@dataclass(frozen=True)
class Pair:
    """id: "001" …; photo: name of the photo. first: side of the policy under review. repeats: id of an earlier pair.
    sha256: of the two pictures."""

    id: str
    photo: str
    first: Literal["A", "B"]
    repeats: str | None
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class Statistics:
    """From the side of the policy under review; repeats are left out of all but `consistency`. win_rate: ties half.
    chance: two-sided exact probability of so uneven wins and losses between equals."""

    pairs: int
    answered: int
    wins: int
    losses: int
    ties: int
    win_rate: Share
    chance: float
    consistency: Share

    def plain(self) -> dict[str, Any]:
        return {**asdict(self), "win_rate": self.win_rate.as_json(), "consistency": self.consistency.as_json()}


class Review:
    """One review folder."""

    def __init__(self, folder: Path, policy: str, against: str, pairs: Sequence[Pair]) -> None:
        self.folder, self.policy, self.against, self.pairs = folder, policy, against, tuple(pairs)

    @classmethod
    def open(cls, folder: Path) -> Review:
        """Raises: ReviewError if there is none, it is damaged, or a picture is not the one that was made."""
        try:
            data = json.loads((folder / KEY).read_bytes())
            if data["version"] > VERSION:
                raise ReviewError(f"The review {folder.name} was made by a newer Porelight.", "Update Porelight.")
            pairs = [Pair(**each) for each in data["pairs"]]
            review = cls(folder, data["policy"], data["against"], pairs)
        except FileNotFoundError as error:
            raise ReviewError(f"There is no review in {folder.name}.", "Name photos to make one.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReviewError(f"The review {folder.name} is damaged.", "Make it again.") from error
        for pair in pairs:
            for side, digest in pair.sha256.items():
                path = review.picture(pair.id, side)
                if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                    raise ReviewError(f"The picture {path.name} is missing or was changed.", "Make the review again.")
        return review

    def picture(self, pair: str, side: str) -> Path:
        """side: "A", "B" or "original"."""
        return self.folder / f"{pair}-{side}.png"

    def answers(self) -> dict[str, Answer]:
        """Pair id → answer, of those that were answered. Raises: ReviewError for what is no answer."""
        try:
            text = (self.folder / ANSWERS).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ReviewError(f"{ANSWERS} cannot be read: {reason}.", "Put it back.") from error
        rows = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in text.partition("\n")[0] else ",")
        if not {"pair", "answer"} <= set(rows.fieldnames or ()):
            raise ReviewError(f"{ANSWERS} does not begin with the line pair,answer.", "Put that line back.")
        known: dict[str, Answer] = {}
        ids = {pair.id for pair in self.pairs}
        for row in rows:
            pair, answer = (row.get("pair") or "").strip().zfill(3), (row.get("answer") or "").strip().lower()
            if not answer:
                continue
            if pair not in ids:
                raise ReviewError(f"{ANSWERS} answers a pair {pair!r} that there is not.", "Correct the file.")
            known[pair] = _answer(pair, answer)
        return known

    def answer(self, pair: str, answer: str) -> None:
        """Record one answer. Raises: ReviewError."""
        if pair not in {each.id for each in self.pairs}:
            raise ReviewError(f"There is no pair {pair!r}.", f"They are 001 to {self.pairs[-1].id}.")
        _write_answers(self.folder, self.pairs, {**self.answers(), pair: _answer(pair, answer.strip().lower())})

    def statistics(self) -> Statistics:
        """What the answers given so far say."""
        answers = self.answers()
        by_id = {pair.id: pair for pair in self.pairs}
        verdicts = {id_: _verdict(by_id[id_], answer) for id_, answer in answers.items()}
        first = [verdicts[pair.id] for pair in self.pairs if pair.repeats is None and pair.id in verdicts]
        again = [
            1 - abs(verdicts[pair.id] - verdicts[pair.repeats])
            for pair in self.pairs
            if pair.repeats is not None and pair.id in verdicts and pair.repeats in verdicts
        ]
        wins, losses, ties = (sum(v == kind for v in first) for kind in (1.0, 0.0, 0.5))
        return Statistics(
            pairs=sum(pair.repeats is None for pair in self.pairs),
            answered=len(first),
            wins=wins,
            losses=losses,
            ties=ties,
            win_rate=Share.of(sum(first), len(first)),
            chance=round(sign_test(wins, losses), 5),
            consistency=Share.of(sum(again), len(again)),
        )


def make_review(
    photos: Sequence[Path],
    policy: Policy,
    against: Policy,
    out: Path,
    *,
    seed: int = 0,
    token: CancelToken | None = None,
    report: Report = silent,
) -> tuple[Review, list[str]]:
    """Draw both policies' retouches of each photo, as the product draws them.

    seed: of the sides, and of what is asked twice. Returns: the review, and a sentence on each photo that was left out.
    Raises: ReviewError if there is a review already or nothing to compare, Cancelled.
    """
    if (policy.info.name, policy.info.version) == (against.info.name, against.info.version):
        raise UsageError("A policy is not reviewed against itself.", "Name another one with --against.")
    if (out / KEY).exists():
        raise ReviewError(f"There is a review in {out.name} already.", "Choose another --out.")
    token, random = token or CancelToken(), np.random.default_rng(seed)
    pairs: list[Pair] = []
    left_out: list[str] = []
    out.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(photos):
        token.check()
        report(Progress("draw", number / len(photos), path.name))
        id_, first = f"{len(pairs) + 1:03d}", _side(random)
        try:
            _draw(out, id_, path, {first: policy, _other(first): against}, token)
        except EngineError as error:
            left_out.append(error.message)
            continue
        pairs.append(Pair(id_, path.name, first, None, _sums(out, id_)))
    if not pairs:
        raise NoFaceError("None of the photos shows a face to compare.", "Name portraits.")
    for pair in _repeated(pairs, random):
        id_ = f"{len(pairs) + 1:03d}"
        for source, target in (("original", "original"), ("A", "B"), ("B", "A")):
            write_atomic(out / f"{id_}-{target}.png", (out / f"{pair.id}-{source}.png").read_bytes())
        pairs.append(Pair(id_, pair.photo, _other(pair.first), pair.id, _sums(out, id_)))
    _write_answers(out, pairs, {})
    named = {
        which: f"{each.info.name} {each.info.version}" for which, each in (("policy", policy), ("against", against))
    }
    key = {"version": VERSION, **named, "seed": seed, "pairs": [asdict(pair) for pair in pairs]}
    write_atomic(out / KEY, json.dumps(key, indent=1).encode() + b"\n")
    return Review(out, named["policy"], named["against"], pairs), left_out


def _draw(out: Path, id_: str, path: Path, sides: Mapping[str, Policy], token: CancelToken) -> None:
    session = RetouchSession.open(path)
    session.analyse()
    session.require_faces()
    _write(out / f"{id_}-original.png", session.photo, session.photo.pixels)
    for side, policy in sorted(sides.items()):
        session.propose(policy, token=token)
        _write(out / f"{id_}-{side}.png", session.photo, session.render())


def _write(path: Path, photo: Photo, pixels: Pixels) -> None:
    """As an 8-bit sRGB picture without metadata: nothing in the file tells the sides apart."""
    from engine.imageio.colour import to_srgb8

    done, data = cv2.imencode(".png", cv2.cvtColor(to_srgb8(pixels, photo.icc), cv2.COLOR_RGB2BGR))
    assert done
    write_atomic(path, bytes(data))


def _repeated(pairs: Sequence[Pair], random: np.random.Generator) -> list[Pair]:
    if len(pairs) < LEAST_REPEATED_FROM:
        return []
    count = max(1, round(len(pairs) * REPEATED))
    return [pairs[i] for i in sorted(random.choice(len(pairs), count, replace=False))]


def _sums(out: Path, id_: str) -> dict[str, str]:
    return {side: hashlib.sha256((out / f"{id_}-{side}.png").read_bytes()).hexdigest() for side in ("A", "B")}


def _write_answers(folder: Path, pairs: Sequence[Pair], answers: Mapping[str, str]) -> None:
    lines = ["pair,answer", *(f"{pair.id},{answers.get(pair.id, '')}" for pair in pairs)]
    write_atomic(folder / ANSWERS, ("\n".join(lines) + "\n").encode())


def _verdict(pair: Pair, answer: Answer) -> float:
    """1 for the policy under review, 0 for the other, ½ for a tie."""
    return 0.5 if answer == "tie" else float(answer == pair.first)


def _answer(pair: str, text: str) -> Answer:
    known: dict[str, Answer] = {"a": "A", "b": "B", "tie": "tie", "=": "tie"}
    if text not in known:
        raise ReviewError(f"The answer {text!r} to pair {pair} has no meaning.", "Write A, B or tie.")
    return known[text]


def _side(random: np.random.Generator) -> Literal["A", "B"]:
    return "A" if random.integers(2) else "B"


def _other(side: str) -> Literal["A", "B"]:
    return "B" if side == "A" else "A"
