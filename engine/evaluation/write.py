"""The files of an evaluation: a page to look at, and its tables as Markdown, CSV and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from engine import paths
from engine.errors import ExportError
from engine.evaluation import tables
from engine.evaluation.page import as_page
from engine.evaluation.run import OURS, Evaluation, Tools
from engine.evaluation.summary import BEFORE, by_method
from engine.report import versions

PAGE: Final = "evaluation.html"
FILES: Final = (PAGE, "evaluation.md", "evaluation.csv", "evaluation.json")


def check(folder: Path, overwrite: bool) -> None:
    """Raises: ExportError if an evaluation is there already and may not be replaced."""
    there = [name for name in FILES if (folder / name).exists()]
    if there and not overwrite:
        raise ExportError(f"The file {there[0]} is in {folder.name!r} already.", "Use --overwrite to replace it.")


def write(folder: Path, evaluation: Evaluation, tools: Tools) -> tuple[Path, ...]:
    """Write all files. Returns: their paths. Raises: ExportError."""
    reasons = tables.not_measured(tools.backend, tools.arcface is not None)
    data = tables.as_json(evaluation, reasons) | {"versions": versions(), "policy": _policy(tools)}
    contents = {
        PAGE: as_page(evaluation, reasons, _subtitle(evaluation, tools)),
        "evaluation.md": tables.as_markdown(evaluation, reasons),
        "evaluation.csv": tables.as_csv(evaluation.rows),
        "evaluation.json": json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            paths.write_atomic(folder / name, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"The evaluation cannot be written: {reason}.", "Choose another --out.") from error
    return tuple(folder / name for name in contents)


def _policy(tools: Tools) -> dict[str, str] | None:
    return None if tools.policy is None else {"name": tools.policy.info.name, "version": tools.policy.info.version}


def _subtitle(evaluation: Evaluation, tools: Tools) -> str:
    names = [method for method in by_method(evaluation.rows) if method != BEFORE]
    policy = _policy(tools)
    own = f" {OURS} is the policy {policy['name']} {policy['version']} at its own strengths." if policy else ""
    return f"Compared: {', '.join(names) or 'nothing'}.{own}"
