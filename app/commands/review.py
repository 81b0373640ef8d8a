"""`porelight review`: two policies compared blindly by a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands import common
from app.commands.common import guarded
from engine.jobs import CancelToken

if TYPE_CHECKING:
    from trainer.review import Review


@guarded
def review(
    out: Annotated[Path, typer.Option(help="Folder of the review: pictures A and B, and answers.csv.")],
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[IN...]", help="Photos, folders and globs; none: show the answers.")
    ] = None,
    against: Annotated[str | None, typer.Option(help="The policy to compare with; the shipped one if none.")] = None,
    policy: Annotated[str | None, typer.Option(help="The policy under review; the active one if none.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sides.")] = 0,
    answer: Annotated[
        list[str] | None, typer.Option(help="PAIR=A, PAIR=B or PAIR=tie; may be repeated, or write answers.csv.")
    ] = None,
    device: common.Device = "auto",
    json: common.Json = False,
) -> None:
    """Make a blind A/B set of photos, or count the answers that were given to one, with win rate and interval."""
    from trainer.review import Review

    if inputs:
        made = _make(inputs, out, against, policy, seed, device)
        common.stdout().print(
            f"{common.number_of(len(made.pairs), 'pair')} in {common.printable(str(out))}: look at A and B of each "
            "and write the better one into answers.csv; `porelight review --out` with it then says how it stands.",
            markup=False,
        )
        return
    opened = Review.open(out)
    for pair in answer or []:
        name, _, value = pair.partition("=")
        opened.answer(name.strip().zfill(3), value)
    _show(opened, json)


def _make(inputs: list[str], out: Path, against: str | None, policy: str | None, seed: int, device: str) -> Review:
    from engine import outputs
    from engine.policies import versions
    from engine.policies.registry import load_policy
    from trainer.review import make_review

    photos = [source.path for source in outputs.gather(inputs, exclude=out)]
    names = policy or versions.active(), against or versions.SHIPPED
    first, second = (load_policy(name, device=device) for name in names)
    token = CancelToken()
    with common.cancel_on_interrupt(token), common.progress_bar("draw") as show:
        made, left_out = make_review(photos, first, second, out, seed=seed, token=token, report=show)
    for sentence in left_out:
        common.stderr().print(common.printable(sentence), markup=False)
    return made


def _show(opened: Review, json: bool) -> None:
    found = opened.statistics()
    if json:
        common.print_json({"policy": opened.policy, "against": opened.against, **found.plain()})
        return
    out, rate = common.stdout(), found.win_rate
    pairs = common.number_of(found.pairs, "pair")
    if not found.answered:
        out.print(f"None of {pairs} is answered yet.")
        return
    said = [
        f"{found.answered} of {pairs} answered: {opened.policy} is better in {found.wins}, "
        f"{opened.against} in {found.losses}, no difference in {found.ties}.",
        f"It is preferred in {rate.value:.0%} (95%: {rate.low:.0%}–{rate.high:.0%}, ties half); between equals so "
        f"uneven a count comes about with probability {found.chance:.3f}.",
    ]
    if found.consistency.count:
        again = common.number_of(round(found.consistency.count), "pair")
        said.append(f"{again} came again: {found.consistency.value:.0%} were answered alike.")
    for sentence in said:
        out.print(sentence, markup=False)
