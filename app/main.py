"""The command `porelight`. Each subcommand imports what it needs when it runs: no Qt and no torch here."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.analyse import analyse
from app.commands.common import EXIT_HELP
from app.commands.doctor import doctor
from app.commands.evaluate import evaluate
from app.commands.models import models
from app.commands.picks import cli as picks
from app.commands.policies import cli as policies
from app.commands.retouch import retouch
from app.commands.review import review
from app.commands.reward import cli as reward
from app.commands.train import cli as train
from app.commands.variations import variations
from app.commands.watch import watch
from app.commands.window import edit, window
from engine import network
from engine.device import share_memory

cli = typer.Typer(
    name="porelight",
    help="Retouch portraits on your own machine.",
    epilog=EXIT_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.command("retouch", epilog=EXIT_HELP)(retouch)
cli.command("analyse", epilog=EXIT_HELP)(analyse)
cli.command("variations", epilog=EXIT_HELP)(variations)
cli.command("evaluate", epilog=EXIT_HELP)(evaluate)
cli.command("models", epilog=EXIT_HELP)(models)
cli.add_typer(picks, name="picks")
cli.add_typer(train, name="train")
cli.add_typer(reward, name="reward")
cli.add_typer(policies, name="policies")
cli.command("review", epilog=EXIT_HELP)(review)
cli.command("doctor", epilog=EXIT_HELP)(doctor)
cli.command("app", epilog=EXIT_HELP)(window)
cli.command("edit", epilog=EXIT_HELP)(edit)
cli.command("watch", epilog=EXIT_HELP)(watch)


@cli.command("engine-host", hidden=True)
def engine_host() -> None:
    """The window's engine process; started by the window alone."""
    from engine.host import main as serve

    serve()


def _version(wanted: bool) -> None:
    if wanted:
        from engine.report import porelight_version

        typer.echo(f"porelight {porelight_version()}")
        raise typer.Exit


@cli.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None: ...


def main() -> None:
    """Entry point of the command `porelight`. From here on nothing in this process reaches the network."""
    network.guard()
    share_memory()
    cli()


if __name__ == "__main__":
    main()
