"""One sitting of picks, without a window: which pair comes next, and what becomes of the answer.

Some photos, by a hash, are for tests: their pairs are chosen at random and never trained on. Of the others pairs are
chosen actively. One question in ten repeats an earlier one with its sides turned, which measures the person's own
consistency. Everything answered lies in the store at once; all chance comes from the seed and the number of answers.
"""

from __future__ import annotations

import datetime
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import numpy as np

from engine.errors import UsageError
from engine.types import F32
from trainer.picks.identity import Identity
from trainer.picks.records import Pick, Preference, Purpose, new_id, pair_of
from trainer.picks.selection import Group, Pair, choose_active, choose_random, open_pairs
from trainer.picks.store import PickStore
from trainer.reward.data import collect
from trainer.reward.evaluate import Consistency, more_picks
from trainer.reward.features import VERSION
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
    """Two candidates of one face, left and right. repeats: the pick that this asks again."""

    image1: str
    image2: str
    photo: str
    purpose: Purpose
    repeats: str | None = None


@dataclass(frozen=True)
class Progress:
    """answered: in this sitting, of which `ties`; total: of this person in the store; consistency: over all of them.
    left: pairs not asked yet. more: about how many more picks the reward needs, None before the first answer."""

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

    mode: "random" chooses every pair at random, of photos that are trained on too. subjects: photo → random id of the
    person shown, where it is known. refit: answers after which the head is fitted anew.
    """

    store: PickStore
    groups: Sequence[tuple[str, Sequence[str]]]
    features: Mapping[str, F32]
    prior: Prior
    identity: Identity
    seed: int = 0
    mode: Mode = "active"
    session: str = field(default_factory=new_id)
    subjects: Mapping[str, str] = field(default_factory=dict)
    refit: int = 1

    @classmethod
    def of_store(cls, store: PickStore, prior: Prior, identity: Identity, **options: Any) -> PickSession:
        """All candidates of the store whose features are measured (`trainer.reward.measuring`), by photo and face."""
        features = store.features(VERSION, prior.names)
        groups: dict[tuple[str, str], list[str]] = {}
        for key, each in store.candidates().items():
            if key in features:
                groups.setdefault((each.photo, each.face), []).append(key)
        return cls(store, [(photo, keys) for (photo, _), keys in groups.items()], features, prior, identity, **options)

    def __post_init__(self) -> None:
        self._groups = [
            Group(photo, tuple(keys), self.prior.units(np.array([self.features[key] for key in keys])))
            for photo, keys in self.groups
            if len(keys) > 1
        ]
        self._mine: list[str] = []
        self._ties = 0
        self._skipped: set[tuple[str, str]] = set()
        self._question: Question | None = None
        self._head: tuple[int, Head] | None = None

    # --- asking -------------------------------------------------------------------------------------------------------

    def next(self) -> Question | None:
        """The question that waits for an answer; the same until it is answered or skipped. None if none is left."""
        if self._question is None:
            self._question = self._choose(self._answers(), self.head)
        return self._question

    def answer(self, preference: Preference, dimensions: Mapping[str, Preference] | None = None) -> Pick:
        """Record the answer to the waiting question. Raises: UsageError if there is none, PickStoreError (then the
        question still waits)."""
        question = self.next()
        if question is None:
            raise UsageError("There is nothing to answer.", "Draw variations of more photos.")
        pick = self._record(question, preference, dimensions or {})
        self._question = None
        return pick

    def skip(self) -> None:
        """Ask something else; the pair does not come back in this sitting."""
        if self._question is not None:
            self._skipped.add(pair_of(self._question.image1, self._question.image2))
            self._question = None

    def undo(self) -> bool:
        """Take the last answer of this sitting back and ask it again. Returns: whether there was one."""
        if not self._mine:
            return False
        last = next(each for each in self.store.picks() if each.id == self._mine[-1])
        self.store.undo(last.id)
        self._mine.pop()
        self._ties -= last.preference == "tie"
        self._head = None  # it may have learnt from that answer
        self._question = Question(last.image1, last.image2, last.photo, last.purpose, last.repeats)
        return True

    def take(self, chosen: str, shown: Sequence[str]) -> list[Pick]:
        """Record that a photographer took one candidate over others that were shown beside it (a grid, or variations
        in the window). Raises: UsageError if it was not among them, PickStoreError."""
        group = next((each for each in self._groups if chosen in each.candidates), None)
        if group is None or chosen not in shown or not set(shown) <= set(group.candidates):
            raise UsageError("Only one of the pictures shown can be taken.", "Show retouches of one face.")
        stream = random.Random(f"{self.seed} {self.session} {len(self._mine)}")
        picks = []
        for other in shown:
            if other == chosen:
                continue
            sides = (chosen, other) if stream.random() < 0.5 else (other, chosen)
            preference: Preference = "image1" if sides[0] == chosen else "image2"
            picks.append(self._record(Question(*sides, group.photo, "free"), preference, {}))
        return picks

    def grid(self, count: int = 4) -> tuple[str, ...]:
        """Candidates of one face to be shown together: the most telling pair, and others of that face."""
        stream = random.Random(f"{self.seed} grid {len(self._mine)}")
        chosen = self._new_pair(stream, self._answers(), self.head, training=True)
        if chosen is None:
            return ()
        (group, i, j), _ = chosen
        stream = random.Random(f"{self.seed} grid {len(self._mine)} {group.photo}")
        rest = [key for n, key in enumerate(group.candidates) if n not in (i, j)]
        shown = [group.candidates[i], group.candidates[j], *stream.sample(rest, min(count - 2, len(rest)))]
        stream.shuffle(shown)
        return tuple(shown)

    def ahead(self) -> tuple[str, ...]:
        """Candidates that are shown after the waiting question, whatever is answered, so that they can be drawn in good
        time."""
        question = self.next()
        if question is None:
            return ()
        found = [self._after(question, preference) for preference in get_args(Preference)]
        return tuple(dict.fromkeys(key for each in found if each is not None for key in (each.image1, each.image2)))

    def progress(self) -> Progress:
        answers = self._answers()
        left = len(open_pairs(self._groups, self._asked()))
        more = None
        if answers and self._groups:
            deltas = np.concatenate([_deltas(group) for group in self._groups])
            more = more_picks(self.head(), deltas, len(answers))
        return Progress(
            len(self._mine), self._ties, len(self._skipped), len(answers), Consistency.of(answers), left, more
        )

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
        """What is asked after these answers. head: what they have taught, asked for only if it is needed."""
        stream = random.Random(f"{self.seed} {len(answers)} {len(self._skipped)}")
        if stream.random() < REPEATS and (again := self._repeat(answers, stream)) is not None:
            return again
        chosen = self._new_pair(stream, answers, head)
        if chosen is None:
            return self._repeat(answers, stream)
        (group, i, j), purpose = chosen
        sides = [group.candidates[i], group.candidates[j]]
        stream.shuffle(sides)
        return Question(sides[0], sides[1], group.photo, purpose)

    def _after(self, question: Question, preference: Preference) -> Question | None:
        """What would be asked after an answer."""
        answers = [*self._answers(), self._pick(question, preference, {})]
        return self._choose(answers, lambda: self._fitted(answers)[1])

    def _new_pair(
        self, stream: random.Random, answers: Sequence[Pick], head: Callable[[], Head], *, training: bool = False
    ) -> tuple[Pair, Purpose] | None:
        """training: only pairs that are trained on."""
        asked = {each.pair for each in answers} | self._skipped
        times = Counter(each.photo for each in answers)
        tests = [group for group in self._groups if self._is_test(group.photo)]
        others = [group for group in self._groups if not self._is_test(group.photo)]
        if self.mode == "random" and not training:
            pair = choose_random(self._groups, asked, times, stream)
            return None if pair is None else (pair, "random" if self._is_test(pair[0].photo) else "given")
        if not training and stream.random() < TESTS and (pair := choose_random(tests, asked, times, stream)):
            return pair, "random"
        active = choose_active(others, head(), asked, times) if others else []
        if active:
            return active[0], "active"
        if training or (pair := choose_random(tests, asked, times, stream)) is None:
            return None
        return pair, "random"

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
        return Question(first.image2, first.image1, first.photo, "repeat", first.id)

    def _record(self, question: Question, preference: Preference, dimensions: Mapping[str, Preference]) -> Pick:
        pick = self._pick(question, preference, dimensions)
        self.store.append(pick)
        self._mine.append(pick.id)
        self._ties += preference == "tie"
        return pick

    def _pick(self, question: Question, preference: Preference, dimensions: Mapping[str, Preference]) -> Pick:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return Pick(
            time=now,
            person=self.identity.person,
            studio=self.identity.studio,
            session=self.session,
            image1=question.image1,
            image2=question.image2,
            photo=question.photo,
            preference=preference,
            purpose=question.purpose,
            subject=self.subjects.get(question.photo),
            repeats=question.repeats,
            dimensions=dict(dimensions),
        )

    def _answers(self) -> list[Pick]:
        return [each for each in self.store.picks() if each.person == self.identity.person]

    def _asked(self) -> set[tuple[str, str]]:
        return {each.pair for each in self._answers()}

    def _known(self) -> dict[str, F32]:
        return {key: np.asarray(self.features[key], np.float32) for _, keys in self.groups for key in keys}

    def _is_test(self, photo: str) -> bool:
        """Decided by the photo and the studio alone, so that it stays for good; one person's photos go together."""
        key = f"{self.identity.studio} {self.subjects.get(photo, photo)}"
        return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32 < TESTS


def _deltas(group: Group) -> np.ndarray:
    places = np.array(group.pairs())
    return group.units[places[:, 0]] - group.units[places[:, 1]]
