"""Three levels of annotation for studios that build a larger set: a model, a person, and an expert on disagreement.

A pair is settled by the highest level that answered it. It is disputed where two answers of one level, or a model and a
person, prefer different images and no expert has answered yet; disputed pairs are asked of an expert and left out of
everything until then. A model's answer alone settles nothing unless that is wanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.picks.records import LEVELS, Pick


@dataclass(frozen=True)
class Settled:
    """picks: answers that count, in their order. disputed: pairs that wait for an expert. unread: answers of a model
    that no person has looked at yet."""

    picks: tuple[Pick, ...]
    disputed: tuple[tuple[str, str], ...]
    unread: tuple[Pick, ...]


def settle(picks: Sequence[Pick], *, trust_model: bool = False) -> Settled:
    """Sort answers out by pair. Repeats count as further answers of their person and dispute nothing: they measure
    that person. trust_model: let a model's answers count where no person answered."""
    by_pair: dict[tuple[str, str], list[Pick]] = defaultdict(list)
    for each in picks:
        by_pair[each.pair].append(each)
    counting: set[str] = set()
    disputed, unread = [], []
    for pair, answers in by_pair.items():
        highest = max(answers, key=lambda each: LEVELS.index(each.level)).level
        first = [each for each in answers if each.repeats is None]
        verdicts = {each.better for each in first if each.better is not None}
        if highest == "model" and not trust_model:
            unread += answers
        elif highest != "expert" and len(verdicts) > 1:
            disputed.append(pair)
        else:
            counting |= {each.id for each in answers if each.level == highest}
    return Settled(tuple(each for each in picks if each.id in counting), tuple(disputed), tuple(unread))
