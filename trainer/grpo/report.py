"""A run's report: one HTML file with everything inside, made from its events; it needs no network and no script."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from engine.paths import write_atomic
from engine.policies.versions import Version
from trainer.events import Event
from trainer.grpo.config import source_of
from trainer.grpo.curves import all_figures, strips, working_seconds
from trainer.grpo.guards import LIMITS, breaches
from trainer.grpo.pictures import Comparison
from trainer.grpo.plots import plot
from trainer.grpo.proof import Proof
from trainer.runs import Run, unwritable

FILE = "report.html"

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:1040px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin-bottom:.2em}
h2{font-size:1.1em;margin-top:2em;border-bottom:1px solid #ddd;padding-bottom:.2em}
.verdict{font-size:1.1em;padding:.7em 1em;border-left:4px solid #588157;background:#f3f6f1}
.verdict.no{border-color:#c8553d;background:#faf2ef}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(420px,1fr));gap:1em}
figure{margin:0}figcaption{font-weight:600}svg{width:100%;height:auto}small{color:#777;font-weight:400}
.grid{stroke:#eee}.limit{stroke:#c8553d;stroke-dasharray:4 4}.tick{font-size:11px;fill:#777}
.legend span{margin-right:1em;font-size:13px}
.legend i{display:inline-block;width:12px;height:3px;margin-right:5px;vertical-align:middle}
table{border-collapse:collapse;font-size:14px}
td,th{padding:.25em .9em .25em 0;text-align:left;border-bottom:1px solid #eee;
vertical-align:top}
.num{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b3321b;font-weight:600}
.row{display:flex;gap:4px;overflow-x:auto;margin:.6em 0}.row figure{flex:none}.row img{display:block}
.row figcaption{font-weight:400;font-size:13px;color:#555}
"""


def write(
    run: Run, proof: Proof | None, version: Version | None, comparisons: Sequence[Comparison], words: str
) -> Path:
    """Write RUN/report.html. Raises: RunError."""
    events = run.events()
    body = [
        f"<h1>Policy training {html.escape(run.folder.name)}</h1>",
        f"<p>{html.escape(_summary(run, events))}</p>",
        _verdict(proof, version, words),
        "<h2>Unseen faces at 100%</h2>" if comparisons else "",
        *(_compared(each) for each in comparisons),
        _proof_table(proof) if proof else "",
        "<h2>Training</h2>",
        f'<div class="plots">{"".join(map(plot, all_figures(events)))}</div>',
        _samples(run, events),
        _settings(run),
    ]
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(run.folder.name)}</title>"
    path = run.folder / FILE
    try:
        write_atomic(path, f"{page}<style>{_STYLE}</style><body>{''.join(body)}</body></html>\n".encode())
    except OSError as error:
        raise unwritable(run.folder, error) from error
    return path


def _summary(run: Run, events: Sequence[Event]) -> str:
    sources = run.manifest.sources
    faces = next((event.data for event in reversed(events) if event.kind == "faces"), {})
    loading = next((event.data for event in reversed(events) if event.kind == "loading"), {})
    seeing = f"looking through {loading['encoder']}, " if loading.get("encoder") else ""
    return (
        f"From {sources['parent']['name']} ({sources['parent']['version']}), mode {run.manifest.config['mode']}, "
        f"{seeing}{faces.get('training', 0)} faces to train on and {faces.get('held_out', 0)} held out, "
        f"{working_seconds(events) / 60:.0f} minutes. {run.manifest.application}, {run.manifest.created}."
    )


def _verdict(proof: Proof | None, version: Version | None, words: str) -> str:
    said = [words, *(proof.words if proof else ())]
    if version is not None:
        said.append(f"It is kept as {version.name} ({version.version}).")
        if version.wins:
            said.append(f"Activate it with: porelight policies activate {version.name}")
    won = proof is not None and proof.wins
    return f'<p class="verdict{"" if won else " no"}">{"<br>".join(map(html.escape, said))}</p>'


def _compared(each: Comparison) -> str:
    names = ("photo", "policy before", "trained policy")
    figures = "".join(
        f"<figure>{_image(data)}<figcaption>{name}</figcaption></figure>"
        for name, data in zip(names, (each.photo, each.before, each.after), strict=True)
    )
    return f'<div class="row">{figures}</div>'


def _proof_table(proof: Proof) -> str:
    broken = {each.limit.measure for each in breaches(proof.guards, proof.before)}
    rows = "".join(
        f"<tr><td>{html.escape(limit.guards)}</td><td>{limit.measure.replace('_', ' ')}</td>"
        f"<td class=num>{_number(proof.before.get(limit.measure))}</td>"
        f'<td class="num{" bad" if limit.measure in broken else ""}">'
        f"{_number(proof.guards.get(limit.measure))}</td><td class=num>{limit.low:g} … {limit.high:g}</td></tr>"
        for limit in LIMITS
    )
    dimensions = "".join(
        f"<tr><td>reward</td><td>{html.escape(name)}</td><td class=num>0</td>"
        f"<td class=num>{_number(value)}</td><td class=num></td></tr>"
        for name, value in {"overall": proof.gain, **proof.dimensions}.items()
        if value
    )
    head = (
        "<tr><th></th><th>measure</th><th class=num>before</th><th class=num>trained</th><th class=num>limits</th></tr>"
    )
    return (
        f"<h2>On unseen faces</h2><table>{head}{rows}{dimensions}</table>"
        "<p>Red is a guard that is broken: outside its limits, and further than the policy before.</p>"
    )


def _samples(run: Run, events: Sequence[Event]) -> str:
    rows = []
    for strip in strips(events):
        figures = []
        for step, name in strip:
            try:
                data = (run.folder / name).read_bytes()
            except OSError:
                continue
            figures.append(f"<figure>{_image(data)}<figcaption>after {step} iterations</figcaption></figure>")
        rows.append(f'<div class="row">{"".join(figures)}</div>')
    return f"<h2>The same samples over time, at 100%</h2>{''.join(rows)}" if rows else ""


def _settings(run: Run) -> str:
    rows = "".join(
        f"<tr><td>{name}</td><td>{html.escape(str(value))}</td><td>{html.escape(source_of(name))}</td></tr>"
        for name, value in run.manifest.config.items()
    )
    return (
        f"<h2>Settings</h2><table><tr><th>setting</th><th>value</th><th>source of the default</th></tr>{rows}</table>"
    )


def _image(data: bytes) -> str:
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def _number(value: float | None) -> str:
    return "–" if value is None or value != value else f"{value:.3f}"
