"""`porelight evaluate`: retouches of a folder measured, compared and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands import common
from app.commands.common import guarded
from engine.jobs import CancelToken

if TYPE_CHECKING:
    from engine.evaluation.cases import Case
    from engine.evaluation.run import Evaluation, Tools


@guarded
def evaluate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Photos before; results may lie beside them, as 1_input and 1_other.")
    ],
    against: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Results of another retoucher, by the photos' names.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for evaluation.html, .md, .csv and .json.")] = Path("evaluation"),
    results_only: Annotated[
        bool, typer.Option("--results-only", help="Measure results that are there; retouch nothing by --policy.")
    ] = False,
    classical: Annotated[
        bool, typer.Option("--classical", help="Also frequency separation, wavelets and a bilateral filter.")
    ] = False,
    arcface: Annotated[Path | None, typer.Option(help="An ArcFace-type face model (ONNX) of your own.")] = None,
    iqa_weights: Annotated[
        Path | None, typer.Option(help="Folder of weights for pyiqa, if that package is installed.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Photos at most.")] = None,
    pictures: Annotated[int, typer.Option(min=0, help="Faces shown with pictures.")] = 24,
    seed: common.Seed = None,
    policy: common.Policy = None,
    model: common.Model = None,
    device: common.Device = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an evaluation that is there.")] = False,
) -> None:
    """Measure retouches in the five dimensions, by retoucher and by skin colour, and write tables and a page."""
    from engine.evaluation import write
    from engine.evaluation.cases import find_cases
    from engine.evaluation.run import Tools
    from engine.metrics.iqa import Backend
    from engine.metrics.likeness import ArcFace
    from engine.policies.registry import DEFAULT, load_policy

    common.check_policy(policy, device)
    write.check(out, overwrite)
    cases = find_cases(folder, against or ())[:limit]
    tools = Tools(
        policy=None if results_only else load_policy(policy or DEFAULT, model=model, device=device),
        classical=classical,
        arcface=ArcFace(arcface) if arcface else None,
        backend=Backend(iqa_weights),
        seed=seed,
        pictures=pictures,
    )
    found = _with_progress(cases, tools)
    write.write(out, found, tools)
    console = common.stdout()
    faces = len({(row.photo, row.face) for row in found.rows})
    left = f", {len(found.left_out)} left out" if found.left_out else ""
    console.print(f"{faces} faces measured{left}: {common.printable(str(out / write.PAGE))}", markup=False)


def _with_progress(cases: list[Case], tools: Tools) -> Evaluation:
    from engine.evaluation.run import evaluate

    token = CancelToken()
    with common.cancel_on_interrupt(token), common.progress_bar("evaluate") as show:
        return evaluate(cases, tools, token, show)
