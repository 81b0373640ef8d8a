"""`porelight watch`: photos that arrive in a folder are retouched once they have settled."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from app.commands import common
from app.commands.common import Exit, guarded
from engine.errors import ImageReadError, UsageError
from engine.jobs import CancelToken

if TYPE_CHECKING:
    from engine.delivery.ledger import Entry
    from engine.delivery.queue import Queue
    from engine.delivery.recipe import Recipe
    from engine.delivery.watch import Arrivals

POLL_SECONDS = 0.5


@guarded
def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where a camera's program puts its files.")],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    recipe: Annotated[
        list[str] | None, typer.Option("--recipe", help="An export recipe's name, as in the window; may be repeated.")
    ] = None,
    existing: Annotated[bool, typer.Option("--existing", help="Also take the photos that are there already.")] = False,
    until_idle: Annotated[
        float | None, typer.Option(min=0, help="End when nothing has arrived for so many seconds.")
    ] = None,
) -> None:
    """Retouch photos as they arrive in a folder, each once its size and time have settled. Ctrl-C ends it."""
    from engine import pipeline
    from engine.delivery.ledger import Ledger, State
    from engine.delivery.queue import Queue
    from engine.delivery.watch import Arrivals

    if not folder.is_dir():
        raise ImageReadError(f"{folder} is not a folder.", "Name the folder to watch.")
    if out.resolve() == folder.resolve():
        raise UsageError("Results cannot go into the watched folder itself.", "Choose another --out.")
    recipes = _recipes(recipe, out)
    token, pool = CancelToken(), pipeline.PolicyPool()
    out.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(out / ".porelight-watch.sqlite")
    queue = Queue(ledger, lambda request, token, report: pipeline.attempt(request, token, report, pool))
    try:
        if not queue.own():
            raise UsageError("Another Porelight watches with these results.", "End it, or choose another --out.")
        with common.cancel_on_interrupt(token):
            _loop(Arrivals(folder, ledger, recipes, existing=existing), queue, until_idle, token)
        counts = ledger.counts()
    finally:
        queue.close()
        ledger.close()
    ended = {state.value: counts[state] for state in (State.DONE, State.SKIPPED, State.FAILED, State.CANCELLED)}
    common.summarise({"total": sum(counts.values()), **ended})
    raise typer.Exit(Exit.FAILED if counts[State.FAILED] else Exit.DONE)


def _recipes(names: list[str] | None, out: Path) -> list[Recipe]:
    from engine.delivery import recipe

    known = {each.name: each for each in recipe.load()[0]}
    for name in names or []:
        if name not in known:
            raise UsageError(f"There is no recipe {name!r}.", f"Known are {', '.join(known)}.")
    chosen = [known[name] for name in names] if names else [recipe.Recipe()]
    return [each.model_copy(update={"folder": str(out.resolve())}) for each in chosen]


def _loop(arrivals: Arrivals, queue: Queue, idle: float | None, token: CancelToken) -> None:
    last = time.monotonic()
    while not token.cancelled:
        arrived, entry = arrivals.look(), queue.step(token)  # one at a time, so that the folder is seen in between
        if entry is not None:
            _say(entry)
        if arrived or entry is not None:
            last = time.monotonic()
            continue
        if idle is not None and not arrivals.waiting and time.monotonic() - last >= idle:
            return
        time.sleep(POLL_SECONDS)


def _say(entry: Entry) -> None:
    text = f"{entry.source.name} → {', '.join(path.name for path in entry.outputs)}" if entry.outputs else entry.reason
    common.stderr().print(escape(common.printable(f"{entry.state.value:<8} {text}")))
