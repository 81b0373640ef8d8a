"""The evaluation as one self-contained HTML page: plots, tables, wipe pictures and crops at 100%."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from engine import paths
from engine.evaluation.pictures import FacePictures
from engine.evaluation.plots import AIMS, strip
from engine.evaluation.run import Evaluation
from engine.evaluation.summary import BEFORE, Row, Spread, better, by_method, groups, summarise
from engine.evaluation.tables import PAPER, PUBLISHED, TITLES, by_reason, digits_of, number, paper_table
from engine.metrics.dimensions import DIMENSIONS, Meaning, PairMeasures
from engine.metrics.skin import ITA_GROUPS

IN_FACES: Final = (
    "pore_retention",
    "blemish_removed",
    "blemish_left",
    "kept_contrast",
    "tone_change",
    "outside_change",
    "identity_distance",
)
"""Measures shown beside each face."""


def as_page(evaluation: Evaluation, reasons: Mapping[str, str], subtitle: str) -> str:
    """The page. subtitle: what was compared, one line."""
    style, script = (_resource(name) for name in ("page.css", "page.js"))
    faces = len({(row.photo, row.face) for row in evaluation.rows})
    photos = len({row.photo for row in evaluation.rows})
    body = [
        "<h1>Evaluation</h1>",
        f"<p>{_count(faces, 'face')} in {_count(photos, 'photo')}. {escape(subtitle)}</p>",
        *(f"<p>{escape(note)}</p>" for note in evaluation.notes),
    ]
    if faces:
        body += [_plots(evaluation.rows), _measures(evaluation.rows), _paper(evaluation, reasons)]
        body += [_skin_groups(evaluation.rows), _faces(evaluation)]
    if evaluation.left_out:
        items = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in evaluation.left_out.items())
        body.append(f"<h2>Left out</h2><ul>{items}</ul>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Porelight: evaluation</title>'
        f"<style>{style}</style></head><body>{''.join(body)}<script>{script}</script></body></html>\n"
    )


def _resource(name: str) -> str:
    return (paths.resources() / "evaluation" / name).read_text(encoding="utf-8")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _results(rows: Sequence[Row]) -> dict[str, list[Row]]:
    return {method: mine for method, mine in by_method(rows).items() if method != BEFORE}


# --- plots and tables -------------------------------------------------------------------------------------------------


def _plots(rows: Sequence[Row]) -> str:
    figures = []
    for name, aim in AIMS.items():
        values = {method: [getattr(row.measures, name) for row in mine] for method, mine in _results(rows).items()}
        if any(math.isfinite(value) for mine in values.values() for value in mine):
            meaning = PairMeasures.meanings()[name]
            unit = f" <span>{escape(meaning.unit)}</span>" if meaning.unit else ""
            figures.append(
                f"<figure><figcaption>{_title(name, meaning)}{unit}</figcaption>{strip(values, aim)}</figure>"
            )
    return (
        "<h2>At a glance</h2><p>A dot is a face, a bar the mean; the shaded range is aimed at.</p>"
        f'<div class="plots">{"".join(figures)}</div>'
    )


def _title(name: str, meaning: Meaning) -> str:
    words = name.replace("_", " ").capitalize()
    return f'<abbr title="{escape(meaning.text)}" style="text-decoration:none">{words}</abbr>'


def _measures(rows: Sequence[Row]) -> str:
    summary = summarise(rows)
    methods = [method for method in summary if method != BEFORE]
    out = [_head("Mean over faces, and the worst decile in small", methods)]
    for dimension in DIMENSIONS[:-1]:
        out.append(f'<tr class="part"><th colspan="{len(methods) + 1}">{TITLES[dimension]}</th></tr>')
        for name, meaning in PairMeasures.meanings().items():
            if meaning.dimension != dimension:
                continue
            spreads = [summary[method][name] for method in methods]
            unit = f'<span class="unit">{escape(meaning.unit)}</span>' if meaning.unit else ""
            text = meaning.text[0].upper() + meaning.text[1:]
            out.append(f"<tr><td>{escape(text)}{unit}</td>{_cells(spreads, meaning)}</tr>")
    return f'<h2>The five dimensions</h2><div class="scroll"><table>{"".join(out)}</table></div>'


def _head(first: str, columns: Sequence[str]) -> str:
    return f"<tr><th>{escape(first)}</th>{''.join(f'<th>{escape(c)}</th>' for c in columns)}</tr>"


def _cells(spreads: Sequence[Spread], meaning: Meaning) -> str:
    digits = digits_of(meaning)
    cells = []
    for spread in spreads:
        best = len(spreads) > 1 and all(
            better(meaning, spread.mean, other.mean) for other in spreads if other is not spread and other.count
        )
        worst = f"<small>{number(spread.worst, digits)}</small>" if math.isfinite(spread.worst) else ""
        kind = ' class="best"' if best and spread.count else ""
        cells.append(f"<td{kind}>{number(spread.mean, digits)}{worst}</td>")
    return "".join(cells)


def _paper(evaluation: Evaluation, reasons: Mapping[str, str]) -> str:
    out = [_head("", PAPER)]
    table = {**paper_table(evaluation), "BeautyGRPO as published, on other photos (FFHQR test)": PUBLISHED}
    for method, found in table.items():
        cells = "".join(f"<td>{number(found.get(title, math.nan))}</td>" for title in PAPER)
        out.append(f"<tr><td>{escape(method)}</td>{cells}</tr>")
    listed = "".join(
        f"<p>Not measured: {escape(', '.join(titles))}. {escape(reason)}</p>"
        for reason, titles in by_reason(reasons).items()
    )
    return f'<h2>The paper\'s table</h2><div class="scroll"><table>{"".join(out)}</table></div>{listed}'


def _skin_groups(rows: Sequence[Row]) -> str:
    parts = []
    for index, (method, mine) in enumerate(_results(rows).items()):
        present = [group for group, _ in ITA_GROUPS if any(row.group == group for row in mine)]
        faces = {group: sum(row.group == group for row in mine) for group in present}
        out = [_head("", [*(f"{group} ({faces[group]})" for group in present), "gap"])]
        for name in AIMS:
            meaning = PairMeasures.meanings()[name]
            found = groups(mine, name)
            cells = [number(found.means.get(group, (math.nan, 0))[0], digits_of(meaning)) for group in present]
            cells.append(number(found.gap, digits_of(meaning)))
            row = "".join(f"<td>{cell}</td>" for cell in cells)
            out.append(f"<tr><td>{name.replace('_', ' ').capitalize()}</td>{row}</tr>")
        opened = " open" if index == 0 else ""
        parts.append(f"<details{opened}><summary>{escape(method)}</summary><table>{''.join(out)}</table></details>")
    return (
        "<h2>Skin colours</h2><p>Means by individual typology angle of the skin before, with the number of faces; the "
        f"gap is between groups of two faces and more. Photos are not calibrated.</p>{''.join(parts)}"
    )


# --- faces ------------------------------------------------------------------------------------------------------------


def _faces(evaluation: Evaluation) -> str:
    by_face: dict[str, list[Row]] = {}
    for row in evaluation.rows:
        by_face.setdefault(f"{row.photo} {row.face}", []).append(row)
    shown = "".join(_face(each, by_face[each.label]) for each in evaluation.pictures)
    rest = len(by_face) - len(evaluation.pictures)
    more = f"<p>{_count(rest, 'more face')} without pictures.</p>" if rest > 0 else ""
    return (
        "<h2>Faces</h2><p>Drag over a picture to wipe from before to after. Crops are at 100% of the photo, where the "
        f"retouchers changed most.</p>{shown}{more}"
    )


def _face(pictures: FacePictures, rows: Sequence[Row]) -> str:
    methods = [name for name in pictures.whole if name != BEFORE]
    width = pictures.size[0]
    after = "".join(
        f'<img class="{"on" if i == 0 else ""}" alt="{escape(name)}" src="{_uri(pictures.whole[name])}">'
        for i, name in enumerate(methods)
    )
    buttons = "".join(
        f'<button data-show="{escape(name)}" aria-pressed="{"true" if i == 0 else "false"}">{escape(name)}</button>'
        for i, name in enumerate(methods)
    )
    marks = '<button data-marks aria-pressed="false">Marks</button>' if pictures.marks else ""
    wipe = (
        f'<div class="wipe" style="width:{width}px"><img alt="{BEFORE}" src="{_uri(pictures.whole[BEFORE])}">'
        f'<div class="after">{after}</div>{_circles(pictures)}'
        f'<span class="tag left">Before</span><span class="tag right">{escape(methods[0])}</span>'
        '<input type="range" min="0" max="100" step="0.1" value="50" aria-label="Wipe between before and after">'
        '<div class="edge"></div></div>'
    )
    return (
        f'<section class="face"><h3>{escape(pictures.label)}</h3><div class="pair"><div>{wipe}'
        f'<div class="choose">{buttons}{marks}</div></div>{_mini(rows)}</div>{_crops(pictures)}</section>'
    )


def _circles(pictures: FacePictures) -> str:
    """Marks to remove as full circles, those to keep as dashed ones."""
    width, height = pictures.size
    circles = "".join(
        f'<circle cx="{x * width:.1f}" cy="{y * height:.1f}" r="{r * width * 1.8 + 2:.1f}" fill="none" '
        f'stroke="#fff" stroke-width="1.4" stroke-dasharray="{"none" if remove else "3 2"}"/>'
        for x, y, r, remove in pictures.marks
    )
    return f'<svg class="marks" viewBox="0 0 {width} {height}" preserveAspectRatio="none">{circles}</svg>'


def _mini(rows: Sequence[Row]) -> str:
    """The face's own numbers."""
    results = [row for row in rows if row.method != BEFORE]
    out = [_head(f"{rows[0].group} skin", [row.method for row in results])]
    for name in IN_FACES:
        meaning = PairMeasures.meanings()[name]
        cells = "".join(f"<td>{number(getattr(row.measures, name), digits_of(meaning))}</td>" for row in results)
        out.append(f"<tr><td>{_title(name, meaning)}</td>{cells}</tr>")
    return f'<div class="scroll"><table class="mini">{"".join(out)}</table></div>'


def _crops(pictures: FacePictures) -> str:
    if not pictures.crops:
        return ""
    names = list(pictures.whole)
    heads = "".join(
        f'<div class="head">{escape(name).capitalize() if name == BEFORE else escape(name)}</div>' for name in names
    )
    images = "".join(
        f'<img alt="{escape(name)}, 100%" src="{_uri(crop[name])}">' for crop in pictures.crops for name in names
    )
    return (
        f'<div class="scroll"><div class="crops" style="grid-template-columns:repeat({len(names)},max-content)">'
        f"{heads}{images}</div></div>"
    )


def _uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
