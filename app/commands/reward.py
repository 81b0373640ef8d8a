"""`porelight reward`: what a trained reward thinks of two retouches."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands import common
from app.commands.common import guarded

cli = typer.Typer(help="Judge retouches by a trained reward.", no_args_is_help=True, add_completion=False)


@cli.command("score")
@guarded
def score(
    photo: Annotated[Path, typer.Argument(metavar="INPUT", help="The photo before.")],
    image1: Annotated[Path, typer.Argument(help="A retouch of it.")],
    image2: Annotated[Path, typer.Argument(help="Another one.")],
    reward: Annotated[Path, typer.Option(help="Folder of `porelight train reward`.")],
    face: Annotated[
        str, typer.Option(help="Id of the face, as `porelight analyse` names it; the largest if none.")
    ] = "",
    json: common.Json = False,
) -> None:
    """Which of two retouches is liked better, how surely, and which dimension decides."""
    import numpy as np

    from engine.policies.versions import SHIPPED
    from trainer.reward.encoder import of_reward
    from trainer.reward.files import load_reward
    from trainer.reward.measuring import Loaded, OpenFace

    loaded = load_reward(reward)
    opened = OpenFace(photo, Loaded()(SHIPPED, ""), face, encoder=of_reward(reward, loaded))
    features = np.stack([opened.measure_file(path) for path in (image1, image2)])
    said, scored = loaded.compare(*features), loaded.score(features)
    if not json:
        common.stdout().print(said.words, markup=False)
        return
    common.print_json(
        {
            "preference": said.preference,
            "probabilities": {name: round(p, 4) for name, p in said.probabilities.items()},
            "overall": [round(float(v), 4) for v in scored.overall],
            "uncertainty": [round(float(v), 4) for v in scored.uncertainty],
            "scores": {name: [round(float(v), 4) for v in pair] for name, pair in scored.dimensions.items()},
            "dimensions": {name: round(p, 4) for name, p in said.dimensions.items()},
            "decided_by": said.decided_by,
            "words": said.words,
        }
    )
