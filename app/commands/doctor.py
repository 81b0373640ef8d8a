"""`porelight doctor`: what this computer has, and the exact line that installs what is missing."""

from __future__ import annotations

from dataclasses import asdict

import typer

from app.commands import common
from app.commands.common import Exit, guarded


@guarded
def doctor(json: common.Json = False) -> None:
    """Check packages, system libraries, devices and models; exit code 1 if something needed is missing."""
    from engine import doctor as checks

    found: list[checks.Check] = []
    out = common.stdout()
    group = ""
    for check in checks.run():
        found.append(check)
        if json:
            continue
        if check.group != group:
            group = check.group
            out.print(f"\n[bold]{group}[/]")
        mark = "[green]ok[/]     " if check.ok else "[red]MISSING[/]" if check.needed else "[yellow]absent[/] "
        out.print(f"  {mark}  ", end="")
        out.print(f"{check.name}  {check.detail}" + (f"  → {check.fix}" if check.fix else ""), markup=False)
    broken = [check for check in found if check.needed and not check.ok]
    missing = checks.missing_libraries(found)
    line = checks.install_line(missing) if missing else ""
    if json:
        common.print_json({"ok": not broken, "install": line, "checks": [asdict(check) for check in found]})
    else:
        if line:
            out.print(f"\nInstall the missing system libraries:\n  {line}", markup=False)
        out.print(f"\n{len(broken)} needed things are missing." if broken else "\nEverything needed is there.")
    raise typer.Exit(Exit.FAILED if broken else Exit.DONE)
