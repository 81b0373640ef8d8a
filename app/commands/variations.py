"""`porelight variations`: several retouches of each photo to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands import common
from app.commands.common import Exit, guarded
from engine.jobs import CancelToken, Report, share, within

if TYPE_CHECKING:
    from engine.pipeline import PolicyPool, RetouchRequest, RetouchResult
    from engine.sidecar import Sidecar


@guarded
def variations(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Photos, folders and globs.")],
    out: Annotated[Path, typer.Option(help="Folder for the results, NAME-v1 to NAME-vN.")],
    number: Annotated[int, typer.Option("-n", "--count", min=1, max=64, help="How many of each photo.")] = 6,
    exploration: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="How far they go from the retouch, 0.8 if not given; 0 is not at all."),
    ] = None,
    strength: common.Strength = None,
    amount: common.Amount = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**31 - 1, help="Seed of the first one.")] = None,
    policy: common.Policy = None,
    model: common.Model = None,
    device: common.Device = "auto",
    format: common.Format = None,
    quality: common.Quality = 95,
    depth: common.Depth = None,
    report: Annotated[Path | None, typer.Option(help="Write what was done and measured as JSON.")] = None,
    overwrite: common.Overwrite = False,
    sidecar: Annotated[
        bool, typer.Option("--sidecar", help="Vary the retouch in the photo's sidecar (options given here win).")
    ] = False,
) -> None:
    """Write variations of each photo's retouch (`porelight retouch` with the same options), drawn by Dynamic Path
    Guidance with that retouch as the anchor, and NAME-variations.json, which says what renders each of them again."""
    from engine.pipeline import PolicyPool, count, failed
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
        sampler=None,
        seed=None,
        overwrite=overwrite,
        varied=True,
    )
    pool, token = PolicyPool(), CancelToken()
    results: list[RetouchResult] = []
    with common.cancel_on_interrupt(token), common.progress_bar("variations") as show:
        for index, request in enumerate(requests):
            progress = share(show, index, len(requests), detail=request.source.name)
            try:
                for result in _draw(request, number, exploration, seed, sidecar, pool, token, progress):
                    results.append(result)
            except Exception as error:  # noqa: BLE001 - the other photos go on whatever one does to a library
                results.append(failed(request, error))
                if token.cancelled:
                    break
                common.stderr().print(common.line_of(index, len(requests), results[-1]))
    counts, made = count(results), [result.source for result in results if result.status == "done"]
    photos = common.number_of(len(set(made)), "photo") if len(requests) > 1 else requests[0].source.name
    said = f"{common.number_of(len(made), 'variation')} of {photos} in {out}"
    common.stdout().print(common.printable(said), markup=False)
    if report is not None:
        write_report(report, [result.as_json() for result in results], counts)
    if token.cancelled:
        common.stop_cancelled()
    raise typer.Exit(Exit.FAILED if counts["failed"] else Exit.DONE)


def _draw(
    request: RetouchRequest,
    number: int,
    exploration: float | None,
    seed: int | None,
    with_sidecar: bool,
    pool: PolicyPool,
    token: CancelToken,
    report: Report,
) -> Iterator[RetouchResult]:
    """A photo's variations, each written as soon as it is drawn. Raises: EngineError, Cancelled."""
    from engine import outputs, pipeline, sidecar
    from engine.errors import ExportError
    from engine.session import RetouchSession
    from trainer.picks.files import sheet_of, write_sheet

    token.check()
    session = RetouchSession.open(request.source)
    (delivery,) = request.deliveries
    folder, stem = delivery.target.folder, delivery.target.stem
    targets = [outputs.Target(folder, f"{stem}-v{index + 1}") for index in range(number)]
    files = [pipeline.path_of(session, replace(delivery, target=target)) for target in targets]
    there = [file.name for file in files if file.exists()]
    if there and not request.overwrite:
        raise ExportError(f"The result {there[0]} is there already.", "Use --overwrite to replace it.")
    saved = sidecar.load(request.source) if with_sidecar else None
    session.analyse(saved.boxes if saved else None)
    session.require_faces()
    policy = pool.get(pipeline.policy_name(request, saved), request.model, request.device)
    pipeline.propose(session, request, policy, saved, token=token, report=within(report, 0, 1 / (number + 1)))
    drawn: list[tuple[Path, Sidecar]] = []
    proposals = session.vary(policy, number, exploration, seed=seed, token=token)
    for index, (file, proposal) in enumerate(zip(files, proposals, strict=True)):
        session.adopt(proposal)
        yield pipeline.deliver(session, request, [file], token, share(report, index + 1, number + 1))
        drawn.append((file, session.to_sidecar()))
        write_sheet(sheet_of(folder, stem), request.source, drawn)
