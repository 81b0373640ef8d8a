"""`porelight retouch`: photos in, retouched photos out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from app.commands import common
from app.commands.common import Exit, guarded
from engine.jobs import CancelToken

if TYPE_CHECKING:
    from engine.pipeline import RetouchRequest, RetouchResult


@guarded
def retouch(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Photos, folders and globs.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; subfolders of folders are kept.")],
    strength: common.Strength = None,
    amount: common.Amount = None,
    sampler: common.Sampler = None,
    seed: common.Seed = None,
    policy: common.Policy = None,
    model: common.Model = None,
    device: common.Device = "auto",
    format: common.Format = None,
    quality: common.Quality = 95,
    depth: common.Depth = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Photos worked on at the same time.")] = 1,
    report: Annotated[Path | None, typer.Option(help="Write what was done and measured as JSON.")] = None,
    overwrite: common.Overwrite = False,
    sidecar: Annotated[
        bool, typer.Option("--sidecar", help="Take up each photo's sidecar (options given here win) and save it.")
    ] = False,
) -> None:
    """Retouch photos at native resolution; photos without a face are skipped, and nothing is written for them."""
    from engine.pipeline import count
    from engine.report import write_report

    requests = common.requests_for(
        inputs,
        out,
        format=format,
        depth=depth,
        quality=quality,
        strength=strength,
        amount=amount,
        policy=policy,
        model=model,
        device=device,
        sampler=sampler,
        seed=seed,
        overwrite=overwrite,
        sidecar=sidecar,
    )
    results = _with_progress(requests, jobs)
    counts = count(results)
    common.summarise(counts)
    if report is not None:
        write_report(report, [result.as_json() for result in results], counts)
    if counts["cancelled"]:
        common.stop_cancelled()
    raise typer.Exit(Exit.FAILED if counts["failed"] else Exit.DONE)


def _with_progress(requests: list[RetouchRequest], jobs: int) -> list[RetouchResult]:
    """Run the batch with one bar per running photo and one for all; without a terminal, one line per result."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    from engine import jobs as engine_jobs
    from engine.pipeline import run_batch

    token, console = CancelToken(), common.stderr()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bars: dict[int, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        everything = progress.add_task("photos", total=len(requests))

        def report(index: int, state: engine_jobs.Progress) -> None:
            name = escape(common.printable(requests[index].source.name))
            if index not in bars:
                bars[index] = progress.add_task(name, total=100)
            progress.update(bars[index], completed=round(100 * state.fraction), description=f"{name} {state.stage}")

        def finished(index: int, result: RetouchResult) -> None:
            if index in bars:
                progress.remove_task(bars.pop(index))
            progress.advance(everything)
            if result.status != "cancelled":
                progress.console.print(common.line_of(index, len(requests), result))

        with common.cancel_on_interrupt(token):
            return run_batch(requests, token, report, finished, jobs=jobs)
