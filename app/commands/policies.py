"""`porelight policies`: trained policies, which one is active, and one file of each to take elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands import common
from app.commands.common import guarded

cli = typer.Typer(
    help="List, activate, roll back, export, import and remove trained policies.",
    no_args_is_help=True,
    add_completion=False,
)
Name = Annotated[str, typer.Argument(help="A policy, as `porelight policies list` names it.")]


@cli.command("list")
@guarded
def list_(json: common.Json = False) -> None:
    """All policies: what each was trained from, how it did, and which one retouches when none is named."""
    from engine.policies import versions

    found = [versions.summary(version) for version in versions.versions()]
    if json:
        common.print_json({"active": versions.active(), "policies": found})
        return
    out, active = common.stdout(), versions.active()
    out.print(f"{'*' if active == versions.SHIPPED else ' '} {versions.SHIPPED}  shipped", markup=False)
    for each in found:
        mark = "*" if each["active"] else " "
        proof = "won" if each["wins"] else "did not win"
        line = f"{mark} {each['name']}  {each['version']}, from {each['parent']}, {each['created'][:16]}, {proof}"
        out.print(line + _figures(each["results"]), markup=False)


@cli.command("activate")
@guarded
def activate(name: Name) -> None:
    """Let a policy retouch when none is named; one that did not win is refused."""
    from engine.policies import versions

    before = versions.activate(name)
    common.stdout().print(f"{name} is active (before: {before}).", markup=False)


@cli.command("rollback")
@guarded
def rollback() -> None:
    """Make the policy before the active one active again."""
    from engine.policies import versions

    common.stdout().print(f"{versions.rollback()} is active again.", markup=False)


@cli.command("export")
@guarded
def export(
    name: Name,
    out: Annotated[Path | None, typer.Option(help="The file to write; NAME.porelight-policy by default.")] = None,
) -> None:
    """Write a trained policy as one file, and print its checksum."""
    from engine.policies import versions

    file = out or Path(f"{name}{versions.SUFFIX}")
    checksum = versions.export(name, file)
    common.stdout().print(f"{common.printable(str(file))}  sha256 {checksum}", markup=False)


@cli.command("import")
@guarded
def import_(
    file: Annotated[Path, typer.Argument(help="A file that `porelight policies export` wrote.")],
    name: Annotated[str | None, typer.Option(help="Another name for it here.")] = None,
    sha256: Annotated[str | None, typer.Option(help="The checksum that the file must have.")] = None,
) -> None:
    """Take in an exported policy; its checksums are proved and its weights are tried."""
    from engine.policies import versions

    version = versions.import_file(file, name, sha256)
    common.stdout().print(f"{version.name} ({version.version}) is here now; activate it to use it.", markup=False)


@cli.command("remove")
@guarded
def remove(
    name: Name,
    photos: Annotated[
        list[Path] | None, typer.Argument(help="Folders whose sidecars are looked at, with those below them.")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Even if sidecars need it.")] = False,
) -> None:
    """Delete a trained policy that is not active; refused where a sidecar that was looked at needs it."""
    from engine.errors import UsageError
    from engine.policies import versions

    version = versions.get(name)
    for folder in photos or []:
        if not folder.is_dir():
            raise UsageError(
                f"There is no folder {common.printable(str(folder))}.", "Name folders of photos after the policy."
            )
    needed = versions.needed_by(version, photos or [])
    if needed and not anyway:
        raise UsageError(
            f"Sidecars that can only be drawn with the policy {name!r}: {len(needed)}, the first is {needed[0].name}.",
            f"Export it first (`porelight policies export {name}`) and remove it with --anyway.",
        )
    versions.remove(name)
    common.stdout().print(
        f"{name} ({version.version}) is removed. Photos whose sidecars name it are drawn again where it is imported.",
        markup=False,
    )


def _figures(results: dict[str, object]) -> str:
    """Win rate with its interval, if it was measured."""
    rate, interval = results.get("win_rate"), results.get("interval")
    if not isinstance(rate, float) or not isinstance(interval, list):
        return ""
    return f", preferred in {rate:.0%} ({interval[0]:.0%}–{interval[1]:.0%})"
