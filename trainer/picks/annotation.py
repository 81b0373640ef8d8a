"""Three levels of annotation for studios that build a larger set: a model, a person, and an expert on disagreement.

A pair is settled by the highest level that answered it. It is disputed where two annotators (two people, or a model and
a person) prefer different images and no expert has answered yet; disputed pairs are asked of an expert and left out of
everything until then. Somebody who contradicts himself disputes nothing: that measures his consistency. A model's
answer alone settles nothing unless that is wanted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from trainer.picks.records import LEVELS, Pick


@dataclass(frozen=True)
class Settled:
    """picks: answers that count, in their order. disputed: pairs that wait for an expert. unread: answers of a model
    that no person has looked at yet."""

    picks: tuple[Pick, ...]
    disputed: tuple[tuple[str, str], ...]
    unread: tuple[Pick, ...]


def settle(picks: Sequence[Pick], *, persons: Collection[str] = (), trust_model: bool = False) -> Settled:
    """Sort answers out by pair. persons: ids whose answers are looked at, all if empty. trust_model: let a model's
    answers count where no person answered."""
    if persons:
        picks = [each for each in picks if each.person in persons]
    by_pair: dict[tuple[str, str], list[Pick]] = defaultdict(list)
    for each in picks:
        by_pair[each.pair].append(each)
    counting: set[str] = set()
    disputed, unread = [], []
    for pair, answers in by_pair.items():
        highest = max(answers, key=lambda each: LEVELS.index(each.level)).level
        verdicts = _verdicts(answers)
        if highest == "model" and not trust_model:
            unread += answers
        elif highest != "expert" and len(verdicts) > 1:
            disputed.append(pair)
        else:
            counting |= {each.id for each in answers if each.level == highest}
    return Settled(tuple(each for each in picks if each.id in counting), tuple(disputed), tuple(unread))


def _verdicts(answers: Sequence[Pick]) -> set[str]:
    """The candidates that annotators prefer on the whole; who is of two minds, or sees a tie, prefers none."""
    balance: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for each in answers:
        if each.better is not None:
            balance[each.level, each.person][each.better] += 1
    found = set()
    for counts in balance.values():
        (best, votes), *others = counts.most_common(2)
        if not others or votes > others[0][1]:
            found.add(best)
    return found
