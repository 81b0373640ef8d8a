"""`porelight train`: learning on this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands import common
from app.commands.common import guarded
from engine.jobs import CancelToken, Progress

cli = typer.Typer(help="Learn a studio's taste from its picks.", no_args_is_help=True, add_completion=False)


@cli.command("reward")
@guarded
def reward(
    picks: Annotated[
        Path | None, typer.Option(help="The store of picks; by default the one in your own folder.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the reward and its report.")] = Path("reward"),
    person: Annotated[
        list[str] | None, typer.Option(help="Learn from this person's picks only (an id of `porelight picks stats`).")
    ] = None,
    trust_model: Annotated[
        bool, typer.Option("--trust-model", help="Let a model's answers count where no person answered.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split for validation.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Fit a reward to picks, and report how well it predicts answers that it has not seen."""
    from rich.progress import Progress as Bars

    from trainer.picks.store import PickStore, default_store
    from trainer.reward.files import save_reward
    from trainer.reward.train import RewardConfig, train_reward
    from trainer.runs import refuse_existing

    refuse_existing(out)
    token = CancelToken()
    console = common.stderr()
    with (
        common.cancel_on_interrupt(token),
        PickStore.open(picks or default_store()) as store,
        Bars(console=console, disable=not console.is_terminal, transient=True) as bars,
    ):
        bar = bars.add_task("measure", total=1.0)

        def show(state: Progress) -> None:
            bars.update(bar, completed=state.fraction, description=state.stage)

        if store.damage:
            console.print(f"{store.path.name} is damaged: {store.damage}; what is before that is used.", markup=False)
        config = RewardConfig(tuple(person or ()), trust_model, seed)
        trained = train_reward(store, config, token=token, report=show)
        sources = {"picks": str(store.path.resolve()), "rows": len(store)}
    save_reward(trained.reward, out, config=trained.report["config"], sources=sources, report=trained.report)
    if json:
        common.print_json({"out": str(out), **trained.report, "words": list(trained.words)})
        return
    for sentence in trained.words:
        common.stdout().print(sentence, markup=False)
    common.stdout().print(f"The reward of {trained.report['trained_on']} picks is in {out}.", markup=False)
