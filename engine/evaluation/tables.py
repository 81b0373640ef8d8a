"""Tables as data, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.evaluation.run import Evaluation
from engine.evaluation.summary import BEFORE, Row, Spread, by_method, groups, paper_means, summarise
from engine.metrics.dimensions import DIMENSIONS, Meaning, PairMeasures, as_dict
from engine.metrics.iqa import METRICS, Backend

TITLES: Final = {
    "smoothing": "Smoothing",
    "blemishes": "Blemish removal",
    "tone": "Skin tone and texture",
    "features": "Personal features",
    "clarity": "Clarity",
    "face": "The faces before",
}
PAPER: Final = (*(metric.title for metric in METRICS), "ArcFace")
"""Columns of the paper's table (REFERENCES: beautygrpo)."""
NO_ARCFACE: Final = "No ArcFace model was given; give an ONNX file with --arcface FILE."
PUBLISHED: Final = {"NIQE": 10.831, "NIMA": 5.123, "MUSIQ": 4.906, "MANIQA": 1.079, "TOPIQ": 0.676, "ArcFace": 0.952}
"""BeautyGRPO on the FFHQR test set, as published (REFERENCES: beautygrpo): other photos, for orientation only."""


def number(value: float, digits: int = 3) -> str:
    """A number for people; a dash where nothing could be measured."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def digits_of(meaning: Meaning) -> int:
    """Decimals that a measure deserves."""
    return {"W": 5, "°": 1, "bit": 2, "L*": 2, "a*": 2, "b*": 2, "ΔE": 2, "ΔE00": 2}.get(meaning.unit, 3)


def not_measured(backend: Backend | None, arcface: bool) -> dict[str, str]:
    """Column of the paper's table → why it is empty."""
    reasons = dict(backend.reasons) if backend is not None else {}
    if not arcface:
        reasons["ArcFace"] = NO_ARCFACE
    return reasons


def by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """Reason → the columns that it concerns."""
    found: dict[str, list[str]] = {}
    for title, reason in reasons.items():
        found.setdefault(reason, []).append(title)
    return found


def paper_table(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    """Retoucher → column of the paper's table → mean; columns without a value are absent."""
    table = paper_means(evaluation.rows)
    for method in table:
        table[method] |= evaluation.sets.get(method.replace("/", "-"), {})
    return {method: {title: row[title] for title in PAPER if title in row} for method, row in table.items()}


def as_json(evaluation: Evaluation, reasons: Mapping[str, str]) -> dict[str, Any]:
    """Everything as plain data."""
    return {
        "version": 1,
        "photos": len({row.photo for row in evaluation.rows}),
        "faces": len({(row.photo, row.face) for row in evaluation.rows}),
        "measures": {name: meaning._asdict() for name, meaning in PairMeasures.meanings().items()},
        "summary": {
            method: {name: _spread(each) for name, each in found.items() if each.count}
            for method, found in summarise(evaluation.rows).items()
        },
        "skin_groups": {
            method: {name: _group(mine, name) for name, meaning in PairMeasures.meanings().items() if meaning.best}
            for method, mine in by_method(evaluation.rows).items()
            if method != BEFORE
        },
        "paper": paper_table(evaluation),
        "not_measured": dict(reasons),
        "left_out": dict(evaluation.left_out),
        "notes": list(evaluation.notes),
        "rows": [
            {
                "photo": row.photo,
                "face": row.face,
                "retoucher": row.method,
                "skin_group": row.group,
                "marks": {"to_remove": row.marks[0], "to_keep": row.marks[1]},
                "measures": as_dict(row.measures),
                "paper": dict(row.paper),
            }
            for row in evaluation.rows
        ],
    }


def _spread(spread: Spread) -> dict[str, float | int | None]:
    worst = round(spread.worst, 5) if math.isfinite(spread.worst) else None
    return {"mean": round(spread.mean, 5), "worst_decile": worst, "count": spread.count}


def _group(rows: Sequence[Row], name: str) -> dict[str, Any]:
    found = groups(rows, name)
    return {
        "means": {group: {"mean": round(mean, 5), "faces": count} for group, (mean, count) in found.means.items()},
        "gap": round(found.gap, 5) if math.isfinite(found.gap) else None,
    }


def as_csv(rows: Sequence[Row]) -> str:
    """One line per face and retoucher; empty where nothing could be measured."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("photo", "face", "retoucher", "skin_group", *PairMeasures.names(), *PAPER))
    for row in rows:
        values = [value if value is None else round(value, 5) for value in as_dict(row.measures).values()]
        paper = [row.paper.get(title) for title in PAPER]
        writer.writerow((row.photo, row.face, row.method, row.group, *values, *paper))
    return buffer.getvalue()


def as_markdown(evaluation: Evaluation, reasons: Mapping[str, str]) -> str:
    """The same tables as the page, for reading in a terminal or a repository."""
    summary, meanings = summarise(evaluation.rows), PairMeasures.meanings()
    methods = [method for method in summary if method != BEFORE]
    lines = ["# Evaluation", "", f"{len({(r.photo, r.face) for r in evaluation.rows})} faces.", ""]
    lines += ["Mean over faces, in brackets the worst decile.", ""]
    for dimension in DIMENSIONS[:-1]:
        lines += [f"## {TITLES[dimension]}", "", *_head("measure", methods)]
        for name, meaning in meanings.items():
            if meaning.dimension == dimension:
                cells = [_cell(summary[method][name], meaning) for method in methods]
                lines.append(f"| {meaning.text}{f' ({meaning.unit})' if meaning.unit else ''} | {' | '.join(cells)} |")
        lines.append("")
    lines += ["## The paper's table", "", *_head("retoucher", PAPER)]
    for method, found in paper_table(evaluation).items():
        lines.append(f"| {method} | {' | '.join(number(found.get(title, math.nan)) for title in PAPER)} |")
    published = " | ".join(number(PUBLISHED.get(title, math.nan)) for title in PAPER)
    lines += [f"| BeautyGRPO as published, on other photos (FFHQR test) | {published} |", ""]
    lines += [f"- Not measured: {', '.join(titles)}. {reason}" for reason, titles in by_reason(reasons).items()]
    for title, listed in (("Left out", evaluation.left_out), ("Notes", dict.fromkeys(evaluation.notes, ""))):
        if listed:
            lines += ["", f"## {title}", "", *(f"- {key}{f': {text}' if text else ''}" for key, text in listed.items())]
    return "\n".join(lines) + "\n"


def _head(first: str, columns: Sequence[str]) -> list[str]:
    return [f"| {first} | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 1)}"]


def _cell(spread: Spread, meaning: Meaning) -> str:
    digits = digits_of(meaning)
    worst = f" ({number(spread.worst, digits)})" if math.isfinite(spread.worst) else ""
    return number(spread.mean, digits) + worst
