"""A blind review as the window shows it: two retouches of the same photo, and what the answers say. No widgets.

The set is drawn by the command line in a process of its own, and lies in a folder that `porelight review` counts too.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs import process
from app.jobs.runner import Job, JobRunner
from app.language import tr, trn
from app.viewmodels import watching
from app.viewmodels.frames import U8
from app.viewmodels.problem import Problem
from app.viewmodels.watching import OUTPUT
from engine import paths
from engine.errors import EngineError

if TYPE_CHECKING:
    from trainer.review import Answer, Review, Statistics

T = TypeVar("T")
LANE: Final = "review"
POLL_MS: Final = 500


@dataclass(frozen=True)
class Asked:
    """pair: id of the one that is shown, "" when all are answered; number: its place, from 1. first, second, original:
    (h, w, 3) uint8. statistics: at the end."""

    review: Review
    pair: str = ""
    number: int = 0
    first: U8 | None = None
    second: U8 | None = None
    original: U8 | None = None
    statistics: Statistics | None = None

    @property
    def count(self) -> int:
        return len(self.review.pairs)


class ReviewError(EngineError):
    """A set could not be drawn."""

    code = "review"


class ReviewModel(QObject):
    """One review at a time. policies: all that can be compared, the newest first. asked: None while none is open."""

    changed = Signal()

    def __init__(self, runner: JobRunner, parent: QObject | None = None, command: Sequence[str] | None = None) -> None:
        super().__init__(parent)
        self._runner, self._command = runner, command
        self._job: Job | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self._photos = 0
        self._drawn = 0
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        self.policies: tuple[str, ...] = ()
        self.asked: Asked | None = None
        self.problem: Problem | None = None

    @property
    def busy(self) -> bool:
        return self._job is not None

    @property
    def drawing(self) -> bool:
        return self._process is not None

    @property
    def fraction(self) -> float:
        """Of the set that is drawn."""
        return self._drawn / self._photos if self._photos else 0.0

    # --- doing --------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at the policies; take up the newest review if it has open questions."""
        known = self.asked

        def work() -> tuple[tuple[str, ...], Asked | None]:
            from engine.policies import versions

            names = (*(each.name for each in reversed(versions.versions())), versions.SHIPPED)
            return names, known or _unfinished()

        def done(result: tuple[tuple[str, ...], Asked | None]) -> None:
            self.policies, self.asked = result

        self._run(tr("Opening the review"), work, done)

    def make(self, photos: Sequence[Path], policy: str, against: str) -> None:
        """Draw another set."""
        if self.drawing or not photos:
            return
        line = ["review", *map(str, photos), "--policy", policy, "--against", against]

        def work() -> tuple[Path, subprocess.Popen[bytes]]:
            folder = watching.new_folder(home())
            command = [*(self._command or process.command()), *line, "--out", str(folder)]
            return folder, process.start(command, folder / OUTPUT)

        def done(result: tuple[Path, subprocess.Popen[bytes]]) -> None:
            self._folder, self._process = result
            self._photos, self._drawn, self.asked = len(photos), 0, None
            self._timer.start()

        self._run(tr("Drawing the pairs"), work, done)

    def answer(self, answer: Answer) -> None:
        """Record the answer, and ask the next question."""
        asked = self.asked
        if asked is None or not asked.pair or self.busy:
            return

        def work() -> Asked:
            asked.review.answer(asked.pair, answer)
            return _next(asked.review)

        self._run(tr("Recording the answer"), work, self._show)

    def back(self) -> None:
        """Ask the question before again; its answer stands until there is another one."""
        asked = self.asked
        if asked is None or not self.can_go_back or self.busy:
            return
        before = asked.number - 2 if asked.pair else asked.count - 1
        self._run(tr("Going back"), lambda: _ask(asked.review, before), self._show)

    @property
    def can_go_back(self) -> bool:
        return self.asked is not None and (not self.asked.pair or self.asked.number > 1)

    def put_away(self) -> None:
        """Prepare another review."""
        if not self.busy:
            self.asked = self.problem = None
            self.changed.emit()

    def close(self) -> None:
        """Look no more; every answer is kept."""
        self._timer.stop()

    # --- saying -------------------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        asked = self.asked
        if self.drawing:
            return tr("Drawing the pairs, {number} of {count} photos", number=self._drawn, count=self._photos)
        if asked is None:
            return tr("Compare two policies blindly")
        if asked.statistics is None:
            return tr("Which is better? {number} of {count}", number=asked.number, count=asked.count)
        name, other = (each.partition(" ")[0] for each in (asked.review.policy, asked.review.against))
        rate = asked.statistics.win_rate
        if rate.low > 0.5:
            return tr("{name} is better than {other}", name=name, other=other)
        if rate.high < 0.5:
            return tr("{name} is better than {other}", name=other, other=name)
        return tr("No difference is proved")

    @property
    def said(self) -> list[str]:
        """What the answers say, once all are given."""
        found = self.asked.statistics if self.asked is not None else None
        if found is None or self.asked is None:
            return []
        review, rate = self.asked.review, found.win_rate
        said = [
            trn(
                "{policy} was preferred to {against} in {rate:.0%} of {count} pair (95%: {low:.0%}–{high:.0%}).",
                "{policy} was preferred to {against} in {rate:.0%} of {count} pairs (95%: {low:.0%}–{high:.0%}).",
                found.answered, policy=review.policy, against=review.against, rate=rate.value, low=rate.low,
                high=rate.high,
            ),
            tr("It was better in {wins}, worse in {losses}, alike in {ties}.", wins=found.wins, losses=found.losses,
               ties=found.ties),
            tr("Between equals so uneven a count comes about with probability {chance:.3f}.", chance=found.chance),
        ]  # fmt: skip
        if found.consistency.count:
            said.append(
                trn(
                    "{count} pair came again with sides turned: {share:.0%} were answered alike.",
                    "{count} pairs came again with sides turned: {share:.0%} were answered alike.",
                    round(found.consistency.count),
                    share=found.consistency.value,
                )
            )
        return said

    # --- inside -------------------------------------------------------------------------------------------------------

    def _show(self, asked: Asked | None) -> None:
        self.asked = asked

    def _poll(self) -> None:
        child = self._process
        if child is None or self._runner.closed:
            return
        folder, code = self._folder, child.poll()
        if code is None:
            self._drawn = len(list(folder.glob("*-original.png")))
            self.changed.emit()
            return
        self._timer.stop()
        self._process = None

        def work() -> Asked:
            from trainer.review import KEY, Review

            if not (folder / KEY).exists():
                raise ReviewError(tr("The pairs could not be drawn."), watching.last_line(folder / OUTPUT))
            return _next(Review.open(folder))

        self._run(tr("Opening the review"), work, self._show)

    def _run(self, doing: str, work: Callable[[], T], show: Callable[[T], None]) -> None:
        if self.busy:
            return

        def done(result: T) -> None:
            self._job = self.problem = None
            show(result)
            self.changed.emit()

        def failed(error: Exception) -> None:
            self._job, self.problem = None, Problem.of(error, doing)
            self.changed.emit()

        self._job = self._runner.start(LANE, lambda token, report: work(), done, failed)
        self.changed.emit()


def home() -> Path:
    """Where the window's reviews lie."""
    return paths.user_folder() / "reviews"


def _unfinished() -> Asked | None:
    """The newest review, if it has open questions and is whole."""
    from trainer.review import KEY, Review

    folder = next((each for each in watching.folders(home()) if (each / KEY).exists()), None)
    try:
        asked = _next(Review.open(folder)) if folder is not None else None
    except EngineError:
        return None
    return asked if asked is not None and asked.pair else None


def _next(review: Review) -> Asked:
    """The first question that is not answered, or the end. Raises: ReviewError."""
    answers = review.answers()
    place = next((place for place, pair in enumerate(review.pairs) if pair.id not in answers), None)
    return Asked(review, statistics=review.statistics()) if place is None else _ask(review, place)


def _ask(review: Review, place: int) -> Asked:
    pair = review.pairs[place].id
    first, second, original = (_read(review.picture(pair, side)) for side in ("A", "B", "original"))
    return Asked(review, pair, place + 1, first, second, original)


def _read(path: Path) -> U8:
    import cv2

    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return np.ascontiguousarray(pixels[..., ::-1])
