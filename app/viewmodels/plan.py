"""What a training would learn from, and what speaks against it, in words. No Qt."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.language import said, tr, trn
from app.viewmodels.labels import counted
from engine.errors import EngineError

if TYPE_CHECKING:
    from trainer.forecast import Speed

ENOUGH: Final = 40
"""Picks from which a consistent taste is predicted well (docs/learning.md)."""
FEW: Final = 12
LEAST_REPEATS: Final = 3
CONTRADICTORY: Final = 0.7
"""Repeats answered alike below which the answers are hardly better than chance."""


@dataclass(frozen=True)
class Plan:
    """picks: that count, `decided` of them with a preference. photos: of the picks, that are there; gone: that are
    not. extra: photos named besides. repeats, alike: questions asked again, and the share answered alike. disputed:
    pairs that wait for an expert. policies: to begin with, the active one first. encoder: what the person's own image
    encoder is called, if there is one. trouble: why nothing can be read; unusable: why the encoder cannot be used."""

    picks: int = 0
    decided: int = 0
    photos: tuple[Path, ...] = ()
    gone: int = 0
    extra: tuple[Path, ...] = ()
    repeats: int = 0
    alike: float = 1.0
    disputed: int = 0
    policies: tuple[str, ...] = ()
    speed: Speed | None = None
    encoder: str = ""
    trouble: str = ""
    unusable: str = ""

    def obstacle(self) -> str:
        """Why no training can begin, and what to do; empty if it can."""
        if self.trouble:
            return self.trouble
        if not self.picks:
            return tr("There are no picks yet. Make about {count} first.", count=ENOUGH)
        if not self.decided:
            return tr("All answers are “alike”, so they say nothing. Make picks of variations that differ more.")
        if not self.photos:
            return tr("None of the photos of the picks is where it was. Put them back.")
        if importlib.util.find_spec("torch") is None:
            return tr("Training needs PyTorch, which is not installed. Run: pip install 'porelight[train]'")
        if self.encoder and importlib.util.find_spec("transformers") is None:
            return tr("Your image encoder needs transformers. Run: pip install 'porelight[train]'")
        return self.unusable

    def advice(self) -> list[str]:
        """What is to be minded, one sentence and a way out each."""
        if self.obstacle():
            return []
        said = []
        if self.decided < FEW:
            said.append(
                trn(
                    "{count} answer with a preference says almost nothing. Make about {enough} for a sure result.",
                    "{count} answers with a preference are few. Make about {enough} for a sure result.",
                    self.decided,
                    enough=ENOUGH,
                )
            )
        elif self.decided < self.picks / 2:
            said.append(tr("Most answers are “alike”. Make picks of variations that differ more."))
        if self.repeats >= LEAST_REPEATS and self.alike < CONTRADICTORY:
            said.append(
                tr(
                    "The picks contradict each other: of {count} questions that were asked again, {share:.0%} were "
                    "answered alike. Take your time, or answer “alike” where you see no difference.",
                    count=self.repeats,
                    share=self.alike,
                )
            )
        if self.disputed:
            said.append(
                trn(
                    "{count} pair is left out, because people disagree. Let an expert decide it.",
                    "{count} pairs are left out, because people disagree. Let an expert decide them.",
                    self.disputed,
                )
            )
        if self.gone:
            said.append(
                trn(
                    "{count} photo of the picks is not where it was and is left out. Put it back to use it.",
                    "{count} photos of the picks are not where they were and are left out. Put them back to use them.",
                    self.gone,
                )
            )
        if len({*self.photos, *self.extra}) < 2:
            said.append(tr("With one photo nothing can be proved. Make picks of more photos."))
        return said

    def source(self) -> str:
        """The picks and photos in a line, and through what they are looked at."""
        photos = counted(len(self.photos) + self.gone, "photo", "photos")
        picks = trn("{count} pick", "{count} picks", self.picks)
        if self.encoder:
            return tr(
                "{picks} of {photos}, also seen through {encoder}", picks=picks, photos=photos, encoder=self.encoder
            )
        return tr("{picks} of {photos}", picks=picks, photos=photos)


def look(extra: Sequence[Path] = ()) -> Plan:
    """What the person's own store holds now. extra: photos that may be trained on besides."""
    from engine.policies import versions
    from trainer.picks.annotation import settle
    from trainer.picks.store import PickStore, default_store
    from trainer.reward.evaluate import Consistency
    from trainer.reward.measuring import whole_file

    active = versions.active()
    policies = tuple(dict.fromkeys((active, versions.SHIPPED)))
    try:
        if not default_store().exists():
            return Plan(policies=policies)
        with PickStore.open(default_store()) as store:
            settled = settle(store.picks())
            found: list[Path] = []
            photos = dict.fromkeys(pick.photo for pick in settled.picks)
            for photo in photos:
                try:
                    found.append(whole_file(store, photo))
                except EngineError:
                    continue
    except EngineError as error:
        return Plan(policies=policies, trouble=f"{said(error.message)} {said(error.hint)}")
    agreement = Consistency.of(settled.picks).agreement
    encoder, unusable = _encoder()
    return Plan(
        picks=len(settled.picks),
        decided=sum(pick.preference != "tie" for pick in settled.picks),
        photos=tuple(found),
        gone=len(photos) - len(found),
        extra=tuple(path for path in extra if path not in found),
        repeats=round(agreement.count),
        alike=agreement.value if agreement.count else 1.0,
        disputed=len(settled.disputed),
        policies=policies,
        speed=measured_speed(),
        encoder=encoder,
        unusable=unusable,
    )


def _encoder() -> tuple[str, str]:
    """What the person's own encoder is called, and why it cannot be used; both empty if there is none."""
    from engine.weights import own

    try:
        found = own.encoder()
    except EngineError as error:
        return "", f"{said(error.message)} {said(error.hint)}"
    return (found.title if found else ""), ""


def measured_speed() -> Speed | None:
    """Of the last training here that got far enough."""
    from app.viewmodels.watching import folders, settings_of
    from trainer.events import read
    from trainer.forecast import speed_of
    from trainer.runs import EVENTS

    for folder in folders():
        config = settings_of(folder)
        if config is not None and (speed := speed_of(read(folder / EVENTS), config)) is not None:
            return speed
    return None
