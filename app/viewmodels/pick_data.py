"""What the store of picks holds, in words, and what may be done with it. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from app.language import said, tr, trn
from app.viewmodels.labels import counted
from app.viewmodels.picks import LEFT, RIGHT, PicksModel
from app.viewmodels.sitting import Sitting, Summary
from engine.jobs import CancelToken, Report

if TYPE_CHECKING:
    from trainer.picks.exchange import Count

NAMES: Final = {
    "smoothing": tr("Smoothing"), "blemishes": tr("Blemishes"), "tone": tr("Tone"), "features": tr("Features"),
    "clarity": tr("Clarity"),
}  # fmt: skip
"""Of the dimensions."""


class PickData(QObject):
    """summary: None before it was looked at. notice: what was done last, and what could not be. long: whether what is
    done now may take long; it can be cancelled then."""

    changed = Signal()

    def __init__(self, picks: PicksModel) -> None:
        super().__init__()
        self.picks = picks
        self.summary: Summary | None = None
        self.notice = ""
        self._long = False
        picks.changed.connect(self.changed)

    @property
    def long(self) -> bool:
        return self._long and self.picks.busy

    @property
    def said(self) -> list[str]:
        """What the picks are, a sentence each."""
        if self.summary is None:
            return []
        found, sentences = self.summary.statistics, []
        if found["ceiling"] is not None:
            repeats = found["repeats"]
            sentences.append(
                tr(
                    "{share:.0%} of {count} repeats were answered alike (between {low:.0%} and {high:.0%}), so no "
                    "reward can predict more than {ceiling:.0%} of the answers.",
                    share=repeats["value"],
                    count=repeats["count"],
                    low=repeats["low"],
                    high=repeats["high"],
                    ceiling=found["ceiling"],
                )
            )
        left, right = (found["preferences"].get(side, 0) for side in (LEFT, RIGHT))
        if left + right:
            sentences.append(tr("The left one was better in {share:.0%}.", share=left / (left + right)))
        for purpose, name in (("random", tr("for tests")), ("free", tr("from variations taken"))):
            if count := found["purposes"].get(purpose):
                sentences.append(f"{counted(count, 'pick', 'picks')} {name}.")
        if found["dimensions"]:
            parts = ", ".join(f"{NAMES[name]} {count}" for name, count in found["dimensions"].items())
            sentences.append(tr("Single dimensions: {parts}.", parts=parts))
        if count := found["withdrawn_photos"]:
            sentences.append(trn("{count} photo is withdrawn.", "{count} photos are withdrawn.", count))
        return sentences

    def look(self) -> None:
        """See what the store holds."""
        self._do(tr("Looking at the picks"), lambda sitting, token, report: "")

    def withdraw(self, photo: str) -> None:
        """Take all picks of a photo (its SHA-256) back for good."""
        self._do(
            tr("Withdrawing the picks"),
            lambda sitting, token, report: trn(
                "{count} pick is withdrawn.", "{count} picks are withdrawn.", sitting.withdraw(photo)
            ),
        )

    def bring(self, source: Path) -> None:
        """Take over picks from JSON lines or from another computer's store."""

        def act(sitting: Sitting, token: CancelToken, report: Report) -> str:
            count = sitting.bring(source, token, report)
            return _with_failures(trn("{count} new pick.", "{count} new picks.", count.done), count)

        self._do(tr("Importing picks"), act, long=True)

    def write(self, target: Path) -> None:
        """Write all picks as JSON lines."""

        def act(sitting: Sitting, token: CancelToken, report: Report) -> str:
            count = sitting.write(target, token, report)
            return _with_failures(trn("{count} pick is written.", "{count} picks are written.", count.done), count)

        self._do(tr("Exporting picks"), act, long=True)

    def cancel(self) -> None:
        """Stop importing or exporting. What was taken over until then is kept; no file is written."""
        if self.long:
            self.picks.cancel()
            self.notice = ""
            self._do(tr("Looking at the picks"), lambda sitting, token, report: tr("Cancelled."))

    def _do(self, doing: str, act: Callable[[Sitting, CancelToken, Report], str], *, long: bool = False) -> None:
        def done(found: tuple[str, Summary]) -> None:
            self.notice, self.summary = found

        if not self.picks.busy:
            self._long = long
            self.picks.through(
                doing, lambda sitting, token, report: (act(sitting, token, report), sitting.summary()), done
            )


def _with_failures(done: str, count: Count) -> str:
    return " ".join([done, *(said(each) for each in count.failed[:3])])
