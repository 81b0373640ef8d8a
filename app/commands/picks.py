"""`porelight picks`: answers to "which of these two is better?", kept for learning a taste from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands import common
from app.commands.common import Exit, guarded
from engine.jobs import CancelToken

if TYPE_CHECKING:
    from trainer.picks.exchange import Count
    from trainer.picks.store import PickStore

cli = typer.Typer(
    help="Record, exchange and check picks between retouches.", no_args_is_help=True, add_completion=False
)
Store = Annotated[
    Path | None, typer.Option("--store", help="File that holds the picks; by default the one in your own folder.")
]


@cli.command("add")
@guarded
def add(
    photo: Annotated[Path, typer.Argument(metavar="IN", help="The photo before.")],
    image1: Annotated[Path, typer.Argument(help="A retouch of it.")],
    image2: Annotated[Path, typer.Argument(help="Another one.")],
    prefer: Annotated[str, typer.Option(help="image1, image2 or tie.")],
    store: Store = None,
    dimension: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=ANSWER", help="Which is better in one dimension; may be given several times."),
    ] = None,
    score: Annotated[
        list[str] | None, typer.Option(metavar="NAME=S1,S2", help="Scores 1–5 of both in one dimension.")
    ] = None,
    reasoning: Annotated[str, typer.Option(help="Why, in words.")] = "",
    level: Annotated[str, typer.Option(help="Who answers: model, person or expert.")] = "person",
    random: Annotated[
        bool, typer.Option("--random", help="The pair was chosen at random, as a test: from ten on none is trained on.")
    ] = False,
) -> None:
    """Record one pick. A picture of `porelight variations` is kept with what renders it again."""
    from trainer.picks.exchange import add_pick
    from trainer.picks.identity import own_identity

    scores = {name: _scores(pair) for name, pair in _pairs(score)}
    fields: dict[str, Any] = {
        "preference": prefer,
        "level": level,
        "reasoning": reasoning,
        "scores": scores,
        "purpose": "random" if random else "given",
    }
    if dimension:
        fields["dimensions"] = dict(_pairs(dimension))
    with _open(store, create=True) as opened:
        pick = add_pick(opened, photo, (image1, image2), fields, own_identity())
        common.stdout().print(f"Pick {pick.id} recorded in {opened.path.name}.", markup=False)


@cli.command("import")
@guarded
def import_(
    source: Annotated[
        Path, typer.Argument(metavar="FROM", help="JSON lines, a dataset folder, or another computer's store.")
    ],
    store: Store = None,
) -> None:
    """Take over picks; those that are there already change nothing."""
    from trainer.picks.exchange import take_over
    from trainer.picks.identity import own_identity

    token = CancelToken()
    with common.cancel_on_interrupt(token), _open(store, create=True) as opened:
        count = take_over(opened, source, own_identity(), token)
        _measure(opened, token)
    common.stdout().print(
        f"{common.number_of(count.done, 'new pick')} from {common.printable(source.name)}.", markup=False
    )
    _fail_if_any(count)


@cli.command("export")
@guarded
def export(
    out: Annotated[Path, typer.Argument(help="The file to write, or the folder with --dataset.")],
    store: Store = None,
    dataset: Annotated[
        bool, typer.Option("--dataset", help="Write a folder that Hugging Face's `datasets` reads, pictures included.")
    ] = False,
    overwrite: common.Overwrite = False,
) -> None:
    """Write picks as JSON lines or as a dataset. Withdrawn photos are left out."""
    from engine.errors import ExportError
    from trainer.picks.exchange import export_dataset, export_lines
    from trainer.reward.measuring import Drawing

    if out.exists() and not dataset and not overwrite:
        raise ExportError(f"{out.name} is there already.", "Use --overwrite to replace it.")
    with _open(store) as opened:
        common.tell_damage(opened)
        picks = opened.picks()
        write = export_dataset if dataset else export_lines
        count = write(opened, picks, out, Drawing(opened))
    common.stdout().print(f"{common.number_of(count.done, 'pick')} in {common.printable(out.name)}.", markup=False)
    _fail_if_any(count)


@cli.command("stats")
@guarded
def stats(store: Store = None, json: common.Json = False) -> None:
    """How many picks of what kind there are, and how consistent they are."""
    from trainer.reward.evaluate import statistics

    with _open(store) as opened:
        found = {"store": str(opened.path), "damage": opened.damage, **statistics(opened)}
    if json:
        common.print_json(found)
        return
    out, repeats = common.stdout(), found["repeats"]
    said = f"{repeats['count']}, answered alike {repeats['value']:.0%} of the time" if repeats["count"] else "none"
    for name, value in {**found, "repeats": said}.items():
        if value not in ("", {}, None):
            shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            out.print(f"{name.replace('_', ' ')}: {shown}", markup=False)


@cli.command("verify")
@guarded
def verify(
    store: Store = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Write what can be trusted to a fresh store; the damaged one is kept.")
    ] = False,
) -> None:
    """Prove that every row of the store is what was written, and that the pictures can be found."""
    from trainer.reward.measuring import missing_files

    with _open(store) as opened:
        out, rows = common.stdout(), common.number_of(len(opened), "row")
        if not opened.damage:
            picks = common.number_of(len(opened.picks()), "pick")
            out.print(f"{opened.path.name} is sound: {rows}, {picks}.", markup=False)
            for line in missing_files(opened):
                out.print(line, markup=False)
            return
        out.print(f"{opened.path.name} is damaged: {opened.damage}; sound before that: {rows}.", markup=False)
        if repair:
            kept = opened.repair()
            out.print(f"Repaired; the damaged store is kept as {kept.name}.", markup=False)
            return
    out.print("Use --repair to go on with what is sound.", markup=False)
    raise typer.Exit(Exit.FAILED)


@cli.command("withdraw")
@guarded
def withdraw(photo: Annotated[Path, typer.Argument(help="The photo.")], store: Store = None) -> None:
    """Take all picks of a photo back for good, on the wish of who is shown."""
    from engine.clock import now
    from engine.errors import UsageError
    from trainer.picks.files import sha256_of

    digest = sha256_of(photo)
    if digest is None:
        raise UsageError(f"The photo {photo.name} is not there.", "Name the file that was picked from.")
    with _open(store) as opened:
        count = opened.withdraw(digest, now("seconds"))
    common.stdout().print(
        f"Withdrawn: {common.number_of(count, 'pick')} of {common.printable(photo.name)}.", markup=False
    )


def _measure(store: PickStore, token: CancelToken) -> None:
    """Measure new pictures now, so that picks outlive them, and say what cannot be measured."""
    from engine.errors import EngineError
    from trainer.reward.encoder import chosen
    from trainer.reward.measuring import Loaded, measure_candidates

    try:
        encoder = chosen(None)
    except EngineError:
        encoder = None
    wanted = [key for pick in store.picks() for key in pick.pair]
    with common.progress_bar("measure", transient=True) as show:
        measured = measure_candidates(store, wanted, Loaded(), encoder=encoder, token=token, report=show)
    for why in sorted(set(measured.missing.values())):
        common.stderr().print(f"not measured  {common.printable(why)}", markup=False)


def _open(path: Path | None, *, create: bool = False) -> PickStore:
    from trainer.picks.store import PickStore, default_store

    return PickStore.open(path or default_store(), create=create)


def _pairs(options: list[str] | None) -> list[tuple[str, str]]:
    """`["smoothing=image1"]` → name and value. Raises: UsageError."""
    from engine.errors import UsageError

    found = []
    for option in options or []:
        name, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f"{option!r} has no meaning.", "Give NAME=VALUE.")
        found.append((name.strip(), value.strip()))
    return found


def _scores(pair: str) -> tuple[float, float]:
    from engine.errors import UsageError

    try:
        first, second = (float(each) for each in pair.split(","))
    except ValueError as error:
        raise UsageError(
            f"The scores {pair!r} have no meaning.", "Give NAME=S1,S2 with numbers from 1 to 5."
        ) from error
    return first, second


def _fail_if_any(count: Count) -> None:
    """Say what failed, and end with the exit code for it."""
    for line in count.failed:
        common.stderr().print(f"failed  {common.printable(line)}", markup=False)
    if count.failed:
        raise typer.Exit(Exit.FAILED)
