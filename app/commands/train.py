"""`porelight train`: learning on this computer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands import common
from app.commands.common import Exit, guarded
from engine.jobs import CancelToken

if TYPE_CHECKING:
    from trainer.grpo.train import PolicyResult

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
    encoder: common.Encoder = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Fit a reward to picks, and report how well it predicts answers that it has not seen."""
    from trainer.picks.store import PickStore, default_store
    from trainer.reward.encoder import chosen
    from trainer.reward.train import RewardConfig, save_trained, train_reward
    from trainer.runs import refuse_existing

    refuse_existing(out)
    token = CancelToken()
    with common.cancel_on_interrupt(token), PickStore.open(picks or default_store()) as store:
        common.tell_damage(store)
        config = RewardConfig(tuple(person or ()), trust_model, seed)
        with common.progress_bar("measure", transient=True) as show:
            trained = train_reward(store, config, encoder=chosen(encoder), token=token, report=show)
        save_trained(trained, store, out)
    if json:
        common.print_json({"out": str(out), **trained.report, "words": list(trained.words)})
        return
    for sentence in trained.words:
        common.stdout().print(sentence, markup=False)
    common.stdout().print(
        f"The reward of {common.number_of(trained.report['trained_on'], 'pick')} is in {out}.", markup=False
    )


@cli.command("policy")
@guarded
def policy(
    out: Annotated[Path, typer.Option(help="Folder of the run: events, checkpoints, samples, report.html.")],
    reward: Annotated[Path | None, typer.Option(help="Folder of `porelight train reward`.")] = None,
    picks: Annotated[
        Path | None,
        typer.Option(help="In place of --reward: a store to fit it to first; its photos by default."),
    ] = None,
    photos: Annotated[
        list[str] | None, typer.Option(help="Photos, folders and globs to learn on; may be repeated.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings as TOML; `--show-config` prints all, with their sources.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="dpg, cps, sde or nft; wins over the file.")] = None,
    base: Annotated[
        str | None, typer.Option("--policy", help="The policy to start from; the active one if none.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new policy; taste-1, taste-2 … if none.")] = None,
    encoder: common.Encoder = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, with its own settings.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads that measure samples.")] = 2,
    activate: Annotated[bool, typer.Option("--activate", help="Let it retouch from now on if it wins.")] = False,
    show_config: Annotated[bool, typer.Option("--show-config", help="Print all settings, and end.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train the policy on a reward, prove it on unseen photos, and keep it as a new version; Ctrl-C stops so that
    --resume goes on from there."""
    from engine.children import give_way
    from engine.errors import Cancelled, UsageError
    from trainer.grpo.config import as_toml, load_config

    settings = load_config(config, mode=mode)
    if show_config:
        typer.echo(as_toml(settings), nl=False)
        return
    if resume and (reward or picks or photos or config or mode or base or name or encoder):
        raise UsageError("A run that is resumed keeps its own settings.", "Give only --out and --resume.")
    if not resume and picks is None and (reward is None or not photos):
        raise UsageError("A training needs a reward and photos.", "Give --reward RUN and --photos DIR.")
    if reward and picks:
        raise UsageError("A reward is fitted already.", "Give --reward or --picks, not both.")
    if reward and encoder:
        raise UsageError("A fitted reward looks through the encoder that it was trained with.", "Leave out --encoder.")
    from trainer.grpo.train import PolicyRequest, resume_policy, train_policy
    from trainer.runs import MANIFEST

    token = CancelToken()
    give_way(10)  # retouching beside it goes first
    try:
        with common.cancel_on_interrupt(token), common.progress_bar("faces", transient=True) as show:
            if resume:
                result = resume_policy(out, token=token, report=show, threads=threads)
            else:
                request = PolicyRequest(tuple(photos or ()), reward, out, settings, base, name, threads, picks, encoder)
                result = train_policy(request, token=token, report=show)
    except (Cancelled, KeyboardInterrupt):
        if (out / MANIFEST).exists():
            _tell_how_to_go_on(out)
        raise
    _tell(result, out, activate, json)


def _tell(result: PolicyResult, out: Path, activate: bool, json: bool) -> None:
    from engine.policies import versions

    version, proof = result.version, result.proof
    activated = version is not None and version.wins and activate
    if activated and version is not None:
        versions.activate(version.name)
    if json:
        common.print_json(
            {
                "out": str(out),
                "status": result.outcome.status,
                "words": result.outcome.words,
                "policy": version.name if version else None,
                "version": version.version if version else None,
                "activated": activated,
                "proof": proof.plain() if proof else None,
            }
        )
    else:
        said = [result.outcome.words, *(proof.words if proof else ())]
        if version is not None:
            said.append(f"It is kept as {version.name}." + (" It is active now." if activated else ""))
        if result.report is not None:
            said.append(f"The report is {result.report}.")
        for sentence in said:
            common.stdout().print(common.printable(sentence), markup=False)
    if result.outcome.status == "stopped":
        _tell_how_to_go_on(out)
        raise typer.Exit(Exit.CANCELLED)
    if result.outcome.status == "failed":
        raise typer.Exit(Exit.FAILED)


def _tell_how_to_go_on(out: Path) -> None:
    common.stderr().print(f"Go on with: porelight train policy --out {out} --resume", markup=False)
