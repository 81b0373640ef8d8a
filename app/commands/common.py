"""What the subcommands share: messages, exit codes, interruption, common options."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from engine.errors import Cancelled, EngineError, UsageError
from engine.jobs import CancelToken, Progress, Report

if TYPE_CHECKING:
    from engine.pipeline import RetouchRequest, RetouchResult
    from engine.proposal import SamplerSettings
    from trainer.picks.store import PickStore

P = ParamSpec("P")
R = TypeVar("R")
_COLOURS: Final = {"done": "green", "skipped": "yellow", "failed": "red", "cancelled": "yellow"}
STDERR = 2


class Exit(IntEnum):
    """Exit codes of every subcommand. Skipped photos, each with its reason, count as done."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 130


EXIT_HELP = "Exit codes: 0 all done (or skipped, with the reason), 1 some failed, 2 wrong usage, 130 cancelled."

Device = Annotated[str, typer.Option(help="Where to compute: auto, cuda, directml, mps or cpu.")]
Encoder = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER|none",
        help="Folder of a DINOv2 image encoder to look through too; by default your own (`porelight models`), if any.",
    ),
]
Policy = Annotated[str | None, typer.Option(help="The retouching policy; `porelight models` lists them.")]
Model = Annotated[Path | None, typer.Option(help="Local folder of weights, for policies that are not shipped.")]
Seed = Annotated[int | None, typer.Option(min=0, max=2**31 - 1, help="A sample of this seed, not the typical retouch.")]
Sampler = Annotated[str | None, typer.Option(help="How to sample: dpg, ode or sde.")]
Strength = Annotated[
    list[str] | None,
    typer.Option(
        "--strength",
        "-s",
        metavar="NAME=VALUE",
        help="A layer's strength, 0–100 (50 = as proposed; features, teeth and eye_whites start at 0).",
    ),
]
Amount = Annotated[float | None, typer.Option(min=0, max=100, help="Master strength, 0–100 (50 = as set).")]
Format = Annotated[str | None, typer.Option(help="jpeg, png or tiff; by default the photo's own.")]
Quality = Annotated[int, typer.Option(min=1, max=100, help="JPEG quality.")]
Depth = Annotated[int | None, typer.Option(help="8 or 16 bits per channel; by default the photo's own.")]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there (never a photo read).")]


def stdout() -> Console:
    """Results; made anew so that it follows redirection."""
    return Console(highlight=False, soft_wrap=True)


def stderr() -> Console:
    """Progress and messages, on a descriptor of their own: analysis silences native libraries by descriptor 2."""
    return Console(file=_messages(), highlight=False, soft_wrap=True)


def _messages() -> IO[str]:
    try:
        if sys.stderr.fileno() == STDERR:
            return _own_descriptor()
    except (OSError, ValueError, AttributeError):  # a captured stream, or none
        pass
    return sys.stderr


@functools.cache
def _own_descriptor() -> IO[str]:
    return os.fdopen(os.dup(STDERR), "w", encoding=sys.stderr.encoding, errors="backslashreplace", buffering=1)


def show_error(error: EngineError) -> None:
    stderr().print(f"[red]{escape(printable(error.message))}[/] {escape(printable(error.hint))}".rstrip())


def printable(text: str) -> str:
    """File names may hold bytes that no terminal can show; they appear escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def print_json(data: Any) -> None:
    """JSON alone on standard output, so that it can be piped."""
    typer.echo(json.dumps(data, indent=1, ensure_ascii=True))


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn errors into one sentence and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        from engine import logs

        logs.quiet_native()
        logs.configure()
        try:
            return command(*args, **kwargs)
        except EngineError as error:
            show_error(error)
            raise typer.Exit(Exit.USAGE if isinstance(error, UsageError) else Exit.FAILED) from error
        except (Cancelled, KeyboardInterrupt):
            stop_cancelled()

    return wrapped


def stop_cancelled() -> NoReturn:
    stderr().print("Cancelled.")
    raise typer.Exit(Exit.CANCELLED)


@contextmanager
def cancel_on_interrupt(token: CancelToken) -> Iterator[None]:
    """Ctrl-C (and SIGTERM) asks the job to stop at its next step; a second Ctrl-C ends it at once."""

    def stop(signum: int, _frame: FrameType | None) -> None:
        if token.cancelled and signum == signal.SIGINT:
            raise KeyboardInterrupt
        stderr().print("Stopping after this step (Ctrl-C again stops at once) …")
        token.cancel()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def progress_bar(stage: str, *, transient: bool = False) -> Iterator[Report]:
    """A bar on the terminal for a job that begins with `stage`; without a terminal, silence."""
    from rich.progress import Progress as Bars

    console = stderr()
    with Bars(console=console, disable=not console.is_terminal, transient=transient) as bars:
        bar = bars.add_task(stage, total=1.0)

        def show(state: Progress) -> None:
            said = escape(printable(state.detail or state.stage))
            bars.update(bar, completed=state.fraction, description=said)

        yield show


def parse_strengths(pairs: list[str] | None) -> dict[str, float]:
    """`["heal=60"]` → {"heal": 60.0}. Raises: UsageError."""
    from engine.types import LAYERS, Strengths

    values: dict[str, float] = {}
    for pair in pairs or []:
        name, _, number = pair.partition("=")
        name = name.strip().replace("-", "_")
        try:
            value = float(number)
            Strengths({name: value})
        except ValueError as error:
            known = ", ".join(LAYERS)
            raise UsageError(
                f"The strength {pair!r} has no meaning.", f"Give NAME=0…100 with NAME of {known}."
            ) from error
        values[name] = value
    return values


def parse_sampler(name: str | None) -> SamplerSettings | None:
    """Raises: UsageError for an unknown sampler."""
    from engine.proposal import SamplerSettings

    return None if name is None else SamplerSettings(name)  # type: ignore[arg-type]


def check_policy(policy: str | None, device: str) -> None:
    """Raises: UsageError for names that mean nothing, before any photo is read."""
    from engine.device import DEVICES
    from engine.policies.registry import entry

    if device not in DEVICES:
        raise UsageError(f"Unknown device {device!r}.", f"Use one of {', '.join(DEVICES)}.")
    if policy is not None:
        entry(policy)


def parse_format(format: str | None, depth: int | None) -> str | None:
    """The format's own name ("jpg" and "tif" are understood). Raises: UsageError."""
    if depth not in (None, 8, 16):
        raise UsageError(f"There is no depth {depth}.", "Use --depth 8 or --depth 16.")
    if format is None:
        return None
    name = {"jpg": "jpeg", "tif": "tiff"}.get(format.lower(), format.lower())
    if name not in ("jpeg", "png", "tiff"):
        raise UsageError(f"Results cannot be written as {format!r}.", "Use --format jpeg, png or tiff.")
    if name == "jpeg" and depth == 16:
        raise UsageError("JPEG holds 8 bits per channel.", "Use --format tiff or png for --depth 16.")
    return name


def requests_for(
    inputs: list[str],
    out: Path,
    *,
    format: str | None,
    depth: int | None,
    quality: int,
    strength: list[str] | None,
    amount: float | None,
    policy: str | None,
    model: Path | None,
    device: str,
    sampler: str | None,
    seed: int | None,
    overwrite: bool,
    sidecar: bool = False,
    varied: bool = False,
) -> list[RetouchRequest]:
    """One request per photo that the options of a command ask for. varied: see `outputs.plan`.

    Raises: UsageError, before any photo is read.
    """
    from engine import outputs
    from engine.delivery.recipe import Recipe
    from engine.pipeline import Delivery, RetouchRequest

    check_policy(policy, device)
    format = parse_format(format, depth)
    sources = outputs.gather(inputs, exclude=out)
    targets = outputs.plan(sources, out, format, varied=varied)
    recipe = Recipe.model_validate({"format": format or "own", "depth": depth, "quality": quality})
    photos = frozenset(each.path for each in sources)
    strengths, settings = parse_strengths(strength), parse_sampler(sampler)
    return [
        RetouchRequest(
            source=source.path,
            deliveries=(Delivery(target, recipe),),
            strengths=strengths,
            amount=amount,
            policy=policy,
            model=model,
            device=device,
            sampler=settings,
            seed=seed,
            overwrite=overwrite,
            sidecar=sidecar,
            inputs=photos,
        )
        for source, target in zip(sources, targets, strict=True)
    ]


def line_of(index: int, total: int, result: RetouchResult) -> str:
    """One line on one photo."""
    colour = _COLOURS[result.status.value]
    head = f"[{colour}]{result.status.value:<8}[/] ({index + 1}/{total}) "
    if result.report is None:
        return head + escape(printable(f"{result.reason} {result.hint}".rstrip()))
    faces = result.report.faces
    removed, kept = sum(len(f.marks_removed) for f in faces), sum(len(f.marks_kept) for f in faces)
    seconds = sum(result.report.seconds.values())
    marks = f"{number_of(len(faces), 'face')}, marks {removed} removed {kept} kept"
    notes = "".join(f"\n         note: {note}" for note in result.notes)
    text = f"{result.source.name} → {result.output}: {marks}, {seconds:.1f} s{notes}"
    return head + escape(printable(text))


def summarise(counts: dict[str, int]) -> None:
    """How many photos ended how (`engine.pipeline.count`), in one line."""
    parts = [f"{counts[name]} {name}" for name in ("done", "skipped", "failed")]
    if counts["cancelled"]:
        parts.append(f"{counts['cancelled']} cancelled")
    stdout().print(f"{number_of(counts['total'], 'photo')}: {', '.join(parts)}")


def tell_damage(store: PickStore) -> None:
    """Say that only a part of a damaged store is used."""
    if store.damage:
        said = f"{store.path.name} is damaged: {store.damage}; what is before that is used."
        stderr().print(printable(said), markup=False)


def number_of(count: int, noun: str) -> str:
    """As in "1 face", "2 faces"."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
