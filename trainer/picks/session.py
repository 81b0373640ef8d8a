"""One sitting of picks, without a window: which pair comes next, and what becomes of the answer.

Some photos, by a hash, are for tests: their pairs are chosen at random and never trained on. Of the others pairs are
chosen actively. One question in ten repeats an earlier one with its sides turned, which measures the person's own
consistency. Everything answered lies in the store at once; all chance comes from the seed and the number of answers.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from typing import Any, Final, Literal

import numpy as np

from engine.clock import now
from engine.errors import UsageError
from engine.types import F32
from trainer.picks.identity import Identity
from trainer.picks.records import Pick, Preference, Purpose, new_id, pair_of
from trainer.picks.selection import Group, Pair, choose_active, choose_beside, choose_random, open_pairs, unasked_beside
from trainer.picks.store import PickStore
from trainer.reward.data import collect
from trainer.reward.evaluate import Consistency, more_picks
from trainer.reward.measuring import kept
from trainer.reward.model import Head, fit_head
from trainer.reward.prior import OVERALL, Prior

REPEATS: Final = 0.1
TESTS: Final = 0.2
"""Share of photos that are kept for tests, and of questions that come from them."""
APART: Final = 4
"""Answers that lie between a question and its repeat at least."""

Mode = Literal["active", "random"]


@dataclass(frozen=True)
class Question:
    """Candidates of one face, in the places where they are shown: two, or more of which the best is wanted.
    repeats: the pick that this asks again."""

    images: tuple[str, ...]
    photo: str
    purpose: Purpose
    repeats: str | None = None

    @property
    def image1(self) -> str:
        return self.images[0]

    @property
    def image2(self) -> str:
        return self.images[1]

    def pairs(self) -> list[tuple[str, str]]:
        """All pairs that are shown, as `pair_of` gives them."""
        return [pair_of(*each) for each in combinations(self.images, 2)]


@dataclass(frozen=True)
class Progress:
    """answered: questions of this sitting, of which `ties`; total: picks of this person in the store; consistency: over
    all of them. left: pairs not asked yet. more: about how many more picks the reward needs, None before the first."""

    answered: int
    ties: int
    skipped: int
    total: int
    consistency: Consistency
    left: int
    more: int | None


@dataclass
class PickSession:
    """Asks one person. features: candidate → (f,); groups: candidate ids of each face, by photo (SHA-256).

    mode: "random" chooses every pair at random, of photos that are trained on too. together: how many candidates are
    shown at a time; tests and repeats are pairs, because the best of several beats the others by more than chance.
    subjects: photo → random id of the person shown, where it is known. refit: answers after which the head is fitted
    anew.
    """

    store: PickStore
    groups: Sequence[tuple[str, Sequence[str]]]
    features: Mapping[str, F32]
    prior: Prior
    identity: Identity
    seed: int = 0
    mode: Mode = "active"
    together: int = 2
    session: str = field(default_factory=new_id)
    subjects: Mapping[str, str] = field(default_factory=dict)
    refit: int = 1

    @classmethod
    def of_store(cls, store: PickStore, prior: Prior, identity: Identity, **options: Any) -> PickSession:
        """All candidates of the store whose features are measured (`trainer.reward.measuring`), by photo and face."""
        return cls(store, *_held(store, prior), prior, identity, **options)

    def __post_init__(self) -> None:
        self._mine: list[tuple[Question, list[Pick]]] = []
        self._skipped: set[tuple[str, str]] = set()
        self._head: tuple[int, Head] | None = None
        self._arrange()

    def _arrange(self) -> None:
        self._groups = [
            Group(photo, tuple(keys), self.prior.units(_known_of_all([self.features[key] for key in keys])))
            for photo, keys in self.groups
            if len(keys) > 1
        ]
        self._question: Question | None = None

    def refresh(self) -> None:
        """Take in the candidates that the store has got meanwhile; what is asked now stays if it can still be shown."""
        asked = self._question
        self.groups, self.features = _held(self.store, self.prior)
        self._arrange()
        if asked is not None and any(set(asked.images) <= set(group.candidates) for group in self._groups):
            self._question = asked

    def show(self, together: int) -> None:
        """From now on show so many at a time; the waiting question is chosen anew."""
        self.together, self._question = together, None

    # --- asking -------------------------------------------------------------------------------------------------------

    def next(self) -> Question | None:
        """The question that waits for an answer; the same until it is answered or skipped. None if none is left."""
        if self._question is None:
            self._question = self._choose(self._answers(), self.head)
        return self._question

    def answer(self, preference: Preference, dimensions: Mapping[str, Preference] | None = None) -> None:
        """Record the answer to the waiting question of two. Raises: as `choose`."""
        self.choose({"image1": 0, "image2": 1, "tie": None}[preference], dimensions)

    def choose(self, best: int | None, dimensions: Mapping[str, Preference] | None = None) -> None:
        """Record which place shows the best, None if all are alike; dimensions: only of two.

        Raises: UsageError if nothing waits or there is no such place, PickStoreError; then the question still waits.
        """
        question = self.next()
        if question is None:
            raise UsageError("There is nothing to answer.", "Draw variations of more photos.")
        if best is not None and not 0 <= best < len(question.images):
            raise UsageError(f"There is no picture {best + 1} to choose.", "Choose one that is shown.")
        self._record(question, best, dimensions or {})
        self._question = None

    def skip(self) -> None:
        """Ask something else; what is shown does not come back together in this sitting."""
        if self._question is not None:
            self._skipped.update(self._question.pairs())
            self._question = None

    def undo(self) -> bool:
        """Take the last answer of this sitting back, with all picks it made, and ask it again. Returns: whether there
        was one. Raises: PickStoreError; then it still counts."""
        if not self._mine:
            return False
        question, picks = self._mine[-1]
        self.store.undo(*(each.id for each in picks))
        self._mine.pop()
        self._head = None  # it may have learnt from that answer
        self._question = question
        return True

    def take(self, chosen: str, shown: Sequence[str]) -> list[Pick]:
        """Record that a photographer took one candidate over others that were shown beside it in the window.
        Raises: UsageError if it was not among them, PickStoreError."""
        group = next((each for each in self._groups if chosen in each.candidates), None)
        if group is None or chosen not in shown or not set(shown) <= set(group.candidates):
            raise UsageError("Only one of the pictures shown can be taken.", "Show retouches of one face.")
        places = list(dict.fromkeys(shown))
        random.Random(f"{self.seed} {self.session} {len(self._mine)}").shuffle(places)
        return self._record(Question(tuple(places), group.photo, "free"), places.index(chosen), {})

    def ahead(self) -> tuple[str, ...]:
        """Candidates that are shown after the waiting question, whatever is answered, so that they can be drawn in good
        time."""
        question = self.next()
        if question is None:
            return ()
        found = [self._after(question, best) for best in (*range(len(question.images)), None)]
        return tuple(dict.fromkeys(key for each in found if each is not None for key in each.images))

    def progress(self) -> Progress:
        answers = self._answers()
        left = len(open_pairs(self._groups, {each.pair for each in answers}))
        more = None
        if answers and self._groups:
            deltas = np.concatenate([_deltas(group) for group in self._groups])
            more = more_picks(self.head(), deltas, len(answers))
        ties = sum(picks[0].preference == "tie" for _, picks in self._mine)
        return Progress(len(self._mine), ties, len(self._skipped), len(answers), Consistency.of(answers), left, more)

    def head(self) -> Head:
        """What the reward knows by now, from all training answers of this person."""
        self._head = self._fitted(self._answers())
        return self._head[1]

    # --- inside -------------------------------------------------------------------------------------------------------

    def _fitted(self, answers: Sequence[Pick]) -> tuple[int, Head]:
        """How many answers a head knows, and the head: the present one, or a new one if these are enough more."""
        used = [each for each in answers if not self._is_test(each.photo)]
        if self._head is not None and 0 <= len(used) - self._head[0] < self.refit:
            return self._head
        return len(used), fit_head(self.prior, OVERALL, collect(used, self._known()).overall)

    def _choose(self, answers: Sequence[Pick], head: Callable[[], Head]) -> Question | None:
        """What is asked after these answers. head: what they have taught, fitted only if it is needed."""
        head = cache(head)
        stream = random.Random(f"{self.seed} {len(answers)} {len(self._skipped)}")
        if stream.random() < REPEATS and (again := self._repeat(answers, stream)) is not None:
            return again
        chosen = self._new_pair(stream, answers, head)
        if chosen is None:
            return self._repeat(answers, stream)
        (group, *places), purpose = chosen
        asked = self._asked(answers)
        while purpose != "random" and len(places) < self.together:
            if self.mode == "random":
                free = unasked_beside(group, places, asked)
                more = stream.choice(free) if free else None
            else:
                more = choose_beside(group, places, head(), asked)
            if more is None:
                break
            places.append(more)
        stream.shuffle(places)
        return Question(tuple(group.candidates[place] for place in places), group.photo, purpose)

    def _after(self, question: Question, best: int | None) -> Question | None:
        """What would be asked after an answer."""
        answers = [*self._answers(), *self._picks(question, best, {})]
        return self._choose(answers, lambda: self._fitted(answers)[1])

    def _new_pair(
        self, stream: random.Random, answers: Sequence[Pick], head: Callable[[], Head]
    ) -> tuple[Pair, Purpose] | None:
        asked, times = self._asked(answers), Counter(each.photo for each in answers)
        tests = [group for group in self._groups if self._is_test(group.photo)]
        others = [group for group in self._groups if not self._is_test(group.photo)]
        if self.mode == "random":
            pair = choose_random(self._groups, asked, times, stream)
            return None if pair is None else (pair, "random" if self._is_test(pair[0].photo) else "given")
        if stream.random() < TESTS and (pair := choose_random(tests, asked, times, stream)):
            return pair, "random"
        if others and (pair := choose_active(others, head(), asked, times)):
            return pair, "active"
        pair = choose_random(tests, asked, times, stream)
        return None if pair is None else (pair, "random")

    def _repeat(self, answers: Sequence[Pick], stream: random.Random) -> Question | None:
        """An earlier question of this person, turned, that was not repeated and can be shown."""
        known = {key for group in self._groups for key in group.candidates}
        again = {each.repeats for each in answers}
        old = [
            each
            for each in answers[:-APART]
            if each.repeats is None and each.id not in again and set(each.pair) <= known and each.purpose != "free"
            if each.pair not in self._skipped
        ]
        if not old:
            return None
        first = stream.choice(old)
        return Question((first.image2, first.image1), first.photo, "repeat", first.id)

    def _record(self, question: Question, best: int | None, dimensions: Mapping[str, Preference]) -> list[Pick]:
        picks = self._picks(question, best, dimensions)
        self.store.append(*picks)
        self._mine.append((question, picks))
        return picks

    def _picks(self, question: Question, best: int | None, dimensions: Mapping[str, Preference]) -> list[Pick]:
        """The best against each of the others, by their places; the first against them if all are alike."""
        chosen = best or 0
        picks = []
        for other in range(len(question.images)):
            if other != chosen:
                first, second = sorted((chosen, other))
                preference: Preference = "tie" if best is None else "image1" if chosen == first else "image2"
                sides = question.images[first], question.images[second]
                picks.append(self._pick(question, sides, preference, dimensions))
        return picks

    def _pick(
        self, question: Question, sides: tuple[str, str], preference: Preference, dimensions: Mapping[str, Preference]
    ) -> Pick:
        return Pick(
            time=now("seconds"),
            person=self.identity.person,
            studio=self.identity.studio,
            session=self.session,
            image1=sides[0],
            image2=sides[1],
            photo=question.photo,
            preference=preference,
            purpose=question.purpose,
            subject=self.subjects.get(question.photo),
            repeats=question.repeats,
            dimensions=dict(dimensions),
        )

    def _answers(self) -> list[Pick]:
        return [each for each in self.store.picks() if each.person == self.identity.person]

    def _asked(self, answers: Sequence[Pick]) -> set[tuple[str, str]]:
        """Pairs that were answered, or passed over in this sitting."""
        return {each.pair for each in answers} | self._skipped

    def _known(self) -> dict[str, F32]:
        return {key: np.asarray(self.features[key], np.float32) for _, keys in self.groups for key in keys}

    def _is_test(self, photo: str) -> bool:
        """Decided by the photo and the studio alone, so that it stays for good; one person's photos go together."""
        key = f"{self.identity.studio} {self.subjects.get(photo, photo)}"
        return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32 < TESTS


def _held(store: PickStore, prior: Prior) -> tuple[list[tuple[str, list[str]]], dict[str, F32]]:
    """Measured candidates of each face, by photo, and their features."""
    features = kept(store, prior.names)
    groups: dict[tuple[str, str], list[str]] = {}
    for key, each in store.candidates().items():
        if key in features:
            groups.setdefault((each.photo, each.face), []).append(key)
    return [(photo, keys) for (photo, _), keys in groups.items()], features


def _known_of_all(features: Sequence[F32]) -> np.ndarray:
    """(n, f) features of one face's candidates, those that are NaN of any 0 for all: they say nothing between them."""
    found = np.array(features)
    found[:, np.isnan(found).any(0)] = 0
    return found


def _deltas(group: Group) -> np.ndarray:
    places = np.array(group.pairs())
    return group.units[places[:, 0]] - group.units[places[:, 1]]
