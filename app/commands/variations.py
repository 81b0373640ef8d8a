"""`porelight variations`: several retouches of one photo to choose from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands import common
from app.commands.common import guarded
from engine.jobs import CancelToken, Progress

if TYPE_CHECKING:
    from engine.pipeline import RetouchRequest, RetouchResult
    from engine.sidecar import Sidecar


@guarded
def variations(
    photo: Annotated[Path, typer.Argument(metavar="IN", help="A photo.")],
    out: Annotated[Path, typer.Option(help="Folder for the results, NAME-v1 to NAME-vN.")],
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=64, help="How many.")] = 6,
    exploration: Annotated[
        float, typer.Option(min=0, max=1, help="How far they go from the first: 0 not at all, 1 from fresh noise.")
    ] = 0.5,
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
    report: Annotated[Path | None, typer.Option(help="Write what was done and measured as JSON.")] = None,
    overwrite: common.Overwrite = False,
    sidecar: Annotated[
        bool, typer.Option("--sidecar", help="Vary the retouch in the photo's sidecar (options given here win).")
    ] = False,
) -> None:
    """Write variations of a photo's retouch (`porelight retouch` with the same options), drawn by Dynamic Path
    Guidance with that retouch as the anchor, and NAME-variations.json, which says what renders each of them again."""
    from engine.delivery.recipe import Recipe
    from engine.outputs import Target
    from engine.pipeline import Delivery, RetouchRequest
    from engine.pipeline import count as count_results
    from engine.report import write_report

    common.check_policy(policy, device)
    recipe = Recipe.model_validate(
        {"format": common.parse_format(format, depth) or "own", "depth": depth, "quality": quality}
    )
    request = RetouchRequest(
        source=photo,
        strengths=common.parse_strengths(strength),
        amount=amount,
        policy=policy,
        model=model,
        device=device,
        sampler=common.parse_sampler(sampler),
        seed=seed,
        deliveries=(Delivery(Target(out, photo.stem), recipe),),
        overwrite=overwrite,
    )
    token = CancelToken()
    with common.cancel_on_interrupt(token):
        results = _draw(request, out, count, exploration, sidecar, token)
    if report is not None:
        write_report(report, [result.as_json() for result in results], count_results(results))
    common.stdout().print(f"{len(results)} variations of {common.printable(photo.name)} in {out}", markup=False)


def _draw(
    request: RetouchRequest, out: Path, count: int, exploration: float, with_sidecar: bool, token: CancelToken
) -> list[RetouchResult]:
    """All variations, each written as soon as it is drawn. Raises: EngineError, Cancelled."""
    from rich.progress import Progress as Bars

    from engine import outputs, pipeline, sidecar
    from engine.errors import ExportError
    from engine.policies.registry import load_policy
    from engine.session import RetouchSession
    from trainer.picks.files import sheet_of, write_sheet

    console = common.stderr()
    with Bars(console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task("reading", total=count)

        def show(state: Progress) -> None:
            bars.update(bar, description=state.stage)

        session = RetouchSession.open(request.source)
        (delivery,) = request.deliveries
        targets = [outputs.Target(out, f"{request.source.stem}-v{number + 1}") for number in range(count)]
        files = [pipeline.path_of(session, replace(delivery, target=target)) for target in targets]
        there = [file.name for file in files if file.exists()]
        if there and not request.overwrite:
            raise ExportError(f"The result {there[0]} is there already.", "Use --overwrite to replace it.")
        show(Progress("analyse", 0))
        saved = sidecar.load(request.source) if with_sidecar else None
        session.analyse(saved.boxes if saved else None)
        session.require_faces()
        policy = load_policy(pipeline.policy_name(request, saved), model=request.model, device=request.device)
        pipeline.propose(session, request, policy, saved, token=token, report=show)
        results: list[RetouchResult] = []
        drawn: list[tuple[Path, Sidecar]] = []
        for file, proposal in zip(
            files, session.vary(policy, count, exploration, token=token, report=show), strict=True
        ):
            session.adopt(proposal)
            results.append(pipeline.deliver(session, request, [file], token, show))
            drawn.append((file, session.to_sidecar()))
            write_sheet(sheet_of(out, request.source.stem), request.source, drawn)
            bars.advance(bar)
    return results
