"""What a training proved, in words; numbers as `trainer.grpo.proof.Proof.plain` gives them. No widgets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from app.language import tr, trn

if TYPE_CHECKING:
    from trainer.grpo.guards import Breach

MEASURES: Final = {
    "pore_retention": tr("pores kept"),
    "noise": tr("noise"),
    "kept_contrast": tr("contrast of moles and freckles"),
    "kept_survival": tr("moles and freckles kept"),
    "tone_change": tr("change of skin tone"),
    "seam": tr("seam to the neck"),
    "outside_change": tr("change outside the skin"),
    "identity_distance": tr("distance of the identity"),
    "landmark_drift": tr("shift of the features"),
}
"""Guarded measures by their names in `trainer.grpo.guards`."""


def preferred(results: Mapping[str, Any]) -> str:
    """The win rate with its interval; empty if it was not measured."""
    rate, interval = results.get("win_rate"), results.get("interval")
    if rate is None or not interval:
        return ""
    low, high = interval
    return tr("{rate:.0%} ({low:.0%}–{high:.0%})", rate=rate, low=low, high=high)


def proved(results: Mapping[str, Any]) -> tuple[str, ...]:
    """The proof in sentences, without the verdict itself."""
    faces = int(results.get("faces") or 0)
    if not faces:
        return (tr("Nothing was held out, so it is not proved. Make picks of more photos."),)
    said = [
        trn(
            "On {count} face that it had not seen, its retouches are preferred to those before in {share}.",
            "On {count} faces that it had not seen, its retouches are preferred to those before in {share}.",
            faces,
            share=preferred(results),
        )
    ]
    if results.get("typical"):
        share = results["typical"]["value"]
        said.append(tr("What it proposes first is preferred on {share:.0%} of the faces.", share=share))
    picks = results.get("held_out_picks")
    if picks:
        said.append(
            trn(
                "It moved as {share:.0%} of {count} held-out pick asks.",
                "It moved as {share:.0%} of {count} held-out picks ask.",
                round(picks["count"]),
                share=picks["value"],
            )
        )
    return (*said, *broken(results.get("guards") or {}, results.get("guards_before") or {}))


def broken(now: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each guard that is broken now and was not before; measures that are None were not taken."""
    from trainer.grpo import guards

    names = {limit.measure for limit in guards.LIMITS}

    def numbers(found: Mapping[str, Any]) -> dict[str, float]:
        return {name: math.nan if found.get(name) is None else float(found[name]) for name in names}

    return tuple(_said(each) for each in guards.breaches(numbers(now), numbers(before)))


def _said(breach: Breach) -> str:
    limit, values = breach.limit, {"value": breach.value, "before": breach.before}
    name = MEASURES[limit.measure]
    if math.isnan(breach.value):
        return tr(
            "A guard is broken: {name} cannot be measured any more, before {before:.2f}.",
            name=name, before=breach.before,
        )  # fmt: skip
    if breach.value < limit.low:
        return tr(
            "A guard is broken: {name} {value:.2f}, before {before:.2f}, at least {bound:.2f} is wanted.",
            name=name, bound=limit.low, **values,
        )  # fmt: skip
    return tr(
        "A guard is broken: {name} {value:.2f}, before {before:.2f}, at most {bound:.2f} is wanted.",
        name=name, bound=limit.high, **values,
    )  # fmt: skip
