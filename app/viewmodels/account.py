"""What a training tells of itself, in words. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.language import said, tr, trn
from app.viewmodels import verdicts
from app.viewmodels.labels import about
from app.viewmodels.watching import Phase, Seen

if TYPE_CHECKING:
    from trainer.forecast import Speed

STAGES: Final = {
    "measure": tr("Measuring the picks"),
    "faces": tr("Finding the faces"),
    "train": tr("Training"),
    "proof": tr("Proving it on faces that it has not seen"),
}


def title(seen: Seen) -> str:
    """Where it stands, in a few words."""
    if seen.phase is Phase.FINISHED:
        name = version(seen)
        if not name:
            return tr("Nothing better was found")
        return tr("{name} won", name=name) if won(seen) else tr("{name} did not win", name=name)
    event = seen.last("progress")
    stage = STAGES.get(event["stage"], "") if event else ""
    if seen.config is not None and event and event["stage"] == "train":
        stage = tr("Training, {step} of {count} rounds", step=seen.step, count=seen.config.iterations)
    return {
        Phase.RUNNING: stage or tr("Starting the training"),
        Phase.PAUSING: tr("Pausing after this round"),
        Phase.PAUSED: tr("Paused after {step} rounds", step=seen.step),
        Phase.STOPPING: tr("Stopping after this step"),
        Phase.STOPPED: tr("Stopped after {step} rounds", step=seen.step),
        Phase.FAILED: tr("The training failed"),
        Phase.BROKEN: tr("The training broke off"),
    }[seen.phase]


def sentences(seen: Seen, usual: Speed | None = None) -> list[str]:
    """What is to be known of it. usual: the speed of earlier trainings here."""
    if seen.phase is Phase.FINISHED:
        return _result(seen)
    if seen.phase is Phase.FAILED:
        event = seen.last("failed") or {}
        if event.get("code") == "training":
            return [tr("Its numbers grew beyond all bounds. Train again, shorter or in another mode.")]
        return [f"{said(event.get('words', ''))} {said(event.get('hint', ''))}".strip(), *_kept(seen)]
    if seen.phase is Phase.BROKEN:
        why = tr("The disk is full. Free some space.") if seen.full else seen.printed
        return [why or tr("Its process ended without a word."), *_kept(seen)]
    if seen.phase is Phase.STOPPED:
        return _kept(seen)
    return [*_left(seen, usual), *_learned(seen)]


def version(seen: Seen) -> str:
    """The policy that came of it; empty if none did."""
    return str(_finished(seen).get("version") or "")


def won(seen: Seen) -> bool:
    return bool(version(seen) and _finished(seen).get("proof", {}).get("wins"))


def _finished(seen: Seen) -> dict[str, Any]:
    return (seen.last("finished") or {}) if seen.phase is Phase.FINISHED else {}


def _left(seen: Seen, usual: Speed | None) -> list[str]:
    from trainer.forecast import USUAL, left

    if seen.config is None or seen.phase is not Phase.RUNNING:
        return []
    rest = left(seen.events, seen.config, usual or USUAL)
    return [tr("Ends in {time}. The window may be closed; retouching goes first.", time=about(rest))] if rest else []


def _result(seen: Seen) -> list[str]:
    """What a finished training came to."""
    event = _finished(seen)
    said = []
    if event.get("status") == "guarded":
        said.append(tr("A guard ended it before its time; the last weights that passed are used."))
        said += _guards(seen)
    elif event.get("status") == "failed":
        said.append(tr("Its numbers grew beyond all bounds; the last good weights are used."))
    if not version(seen):
        return [*said, tr("No weights were better than those before, so there is no new policy.")]
    proof = event.get("proof") or {}
    wins = tr("So it can be activated.") if won(seen) else tr("So it is not activated.")
    return [*said, *verdicts.proved(proof), wins]


def _guards(seen: Seen) -> tuple[str, ...]:
    """The guards that ended a training, by its first and last evaluation."""
    found = [event.data["guards"] for event in seen.events if event.kind == "evaluation"]
    return verdicts.broken(found[-1], found[0]) if found else ()


def _kept(seen: Seen) -> list[str]:
    if seen.resumable:
        return [tr("Nothing is lost: it can be resumed where it was.")]
    return [] if seen.begun else [tr("It had not begun to train. Train again.")]


def _learned(seen: Seen) -> list[str]:
    """How well the reward predicts, once it is fitted."""
    event = seen.last("reward")
    if event is None:
        return []
    accuracy, encoder = event.get("accuracy") or {}, event.get("encoder") or {}
    seeing = [tr("It looks through {encoder} too.", encoder=encoder["title"])] if encoder else []
    if not accuracy.get("count"):
        return [tr("How well the reward predicts your picks is not known yet."), *seeing]
    said = [
        tr(
            "The reward predicts {value:.0%} ({low:.0%}–{high:.0%}) of the picks that it has not seen.",
            value=accuracy["value"], low=accuracy["low"], high=accuracy["high"],
        )
    ]  # fmt: skip
    if accuracy["low"] <= 0.5:
        said.append(tr("That may still be chance."))
    said += seeing
    more = event.get("more_picks")
    if more:
        said.append(trn("About {count} more pick would help.", "About {count} more picks would help.", int(more)))
    return said
