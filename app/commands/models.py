"""`porelight models`: policies, the shipped weights with their state, and the person's own."""

from __future__ import annotations

from typing import Any

import typer

from app.commands import common
from app.commands.common import Exit, guarded


@guarded
def models(json: common.Json = False) -> None:
    """List the policies with their licences, check the shipped weights, and say where your own encoder belongs."""
    from engine.doctor import check_models, check_own
    from engine.policies.registry import POLICIES

    files, brought = check_models(), list(check_own())
    if json:
        policies: list[dict[str, Any]] = [
            {"name": p.name, "summary": p.summary, "licence": p.licence, "shipped": p.shipped, "weights": p.weights}
            for p in POLICIES
        ]
        common.print_json(
            {
                "policies": policies,
                "files": [{"path": c.name, "ok": c.ok, "detail": c.detail, "fix": c.fix} for c in files],
                "own": [{"name": c.name, "ok": c.ok, "detail": c.detail, "fix": c.fix} for c in brought],
            }
        )
    else:
        out = common.stdout()
        for policy in POLICIES:
            out.print(f"{policy.name:<9}{policy.summary} Licence: {policy.licence}. {policy.weights}", markup=False)
        out.print("\nShipped weights:", markup=False)
        for check in files:
            out.print(f"  {'ok' if check.ok else 'BAD':<4}{check.name}  {check.detail}", markup=False)
        out.print("\nYour own weights:", markup=False)
        for check in brought:
            out.print(f"  {check.name}: {check.detail.rstrip('.')}. {check.fix}".rstrip(), markup=False)
    raise typer.Exit(Exit.DONE if all(check.ok for check in files) else Exit.FAILED)
