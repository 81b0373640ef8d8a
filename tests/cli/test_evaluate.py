"""`porelight evaluate` from end to end with the painted face and the policy in closed form."""

from __future__ import annotations

import csv
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from app.main import cli
from engine.evaluation.write import FILES
from engine.metrics.dimensions import PairMeasures
from tests.helpers import fake_policy


@pytest.fixture(autouse=True)
def _engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The painted face, without landmark and embedding networks."""
    fake_policy.install(monkeypatch, tmp_path / "home")
    monkeypatch.setattr("engine.metrics.geometry.landmark_drift", lambda photo, results, face: [0.001] * len(results))
    monkeypatch.setattr("engine.metrics.likeness.identity_distance", lambda photo, result, face: 0.05)
    monkeypatch.setitem(sys.modules, "pyiqa", None)


def _run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["evaluate", *(str(a) for a in arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def _folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two portraits and a landscape; and results of which one is brighter by 10 codes and one twice as large."""
    before, after = tmp_path / "before", tmp_path / "other"
    after.mkdir()
    for name, seed in (("a", 1), ("b", 2)):
        fake_policy.portrait(before / f"{name}.png", seed=seed)
    fake_policy.landscape(before / "view.png")
    pixels = np.asarray(Image.open(before / "a.png"))
    Image.fromarray(np.clip(pixels.astype(int) + 10, 0, 255).astype(np.uint8)).save(after / "a-retouched.png")
    larger = Image.open(before / "b.png")
    larger.resize((larger.width * 2, larger.height * 2), Image.Resampling.BICUBIC).save(after / "b.png")
    return before, after


class _Page(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def test_retouchers_are_compared_and_everything_is_written(tmp_path: Path) -> None:
    before, after = _folders(tmp_path)
    out = tmp_path / "out"
    code, output = _run(before, "--against", after, "--classical", "--policy", "fake", "--out", out)
    assert code == 0, output
    assert "2 faces measured, 1 left out" in output
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)

    data = json.loads((out / "evaluation.json").read_text())
    methods = ["before", "Porelight", "other", "frequency separation", "wavelet", "bilateral"]
    assert list(data["summary"]) == methods and (data["photos"], data["faces"]) == (2, 2)
    assert data["policy"] == {"name": "fake", "version": "1"}
    assert list(data["left_out"]) == ["view"] and "NIQE" in data["not_measured"]
    rows = {(row["photo"], row["retoucher"]): row["measures"] for row in data["rows"]}
    assert len(rows) == 12
    assert rows["a", "other"]["tone_lightness"] == pytest.approx(3.7, abs=0.4)  # 10 codes of grey at this skin
    assert abs(rows["b", "other"]["tone_lightness"]) < 0.1
    assert rows["a", "before"]["tone_change"] == 0 and rows["a", "before"]["pore_retention"] == 1
    assert rows["a", "frequency separation"]["bump_retention"] < rows["a", "before"]["bump_retention"]

    table = list(csv.DictReader((out / "evaluation.csv").read_text().splitlines()))
    assert len(table) == 12 and set(PairMeasures.names()) <= set(table[0])
    assert float(table[0]["tone_change"]) == 0

    markdown = (out / "evaluation.md").read_text()
    assert "| retoucher | NIQE |" in markdown and "Not measured: NIQE, NIMA" in markdown and "10.831" in markdown


def test_the_page_stands_by_itself(tmp_path: Path) -> None:
    before, after = _folders(tmp_path)
    out = tmp_path / "out"
    assert _run(before, "--against", after, "--policy", "fake", "--out", out, "--pictures", "1")[0] == 0
    text = (out / "evaluation.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.sources and all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert not re.search(r"https?://|@import|url\(", text)
    assert page.tags.count("svg") >= 4 and "input" in page.tags and "1 more face without pictures" in text
    assert 'alt="other"' in text and "view: No face that can be retouched" in text


def test_results_alone_are_measured_without_a_policy(tmp_path: Path) -> None:
    before, after = _folders(tmp_path)
    out = tmp_path / "out"
    assert _run(before, "--against", after, "--results-only", "--out", out)[0] == 0
    data = json.loads((out / "evaluation.json").read_text())
    assert list(data["summary"]) == ["before", "other"] and data["policy"] is None


def test_results_of_another_shape_are_left_out_with_the_reason(tmp_path: Path) -> None:
    before, after = _folders(tmp_path)
    Image.new("RGB", (90, 90)).save(after / "b.png")
    out = tmp_path / "out"
    assert _run(before, "--against", after, "--results-only", "--out", out)[0] == 0
    assert "90×90" in json.loads((out / "evaluation.json").read_text())["left_out"]["b: other"]


def test_a_photo_without_usable_colours_is_left_out_with_the_reason(tmp_path: Path) -> None:
    before, after = _folders(tmp_path)
    Image.new("CMYK", (64, 64)).save(before / "print.jpg")
    out = tmp_path / "out"
    assert _run(before, "--against", after, "--results-only", "--out", out)[0] == 0
    data = json.loads((out / "evaluation.json").read_text())
    assert "print.jpg" in data["left_out"]["print"] and data["photos"] == 2


def test_an_evaluation_is_not_replaced_unasked_and_bad_input_is_named(tmp_path: Path) -> None:
    before, after = _folders(tmp_path)
    out = tmp_path / "out"
    assert _run(before, "--against", after, "--results-only", "--out", out)[0] == 0
    code, output = _run(before, "--against", after, "--results-only", "--out", out)
    assert code == 1 and "--overwrite" in output
    assert _run(before, "--against", after, "--results-only", "--out", out, "--overwrite")[0] == 0
    code, output = _run(tmp_path / "none", "--out", tmp_path / "o2")
    assert code == 2 and "no folder 'none'" in output
    code, output = _run(before, "--results-only", "--arcface", tmp_path / "none.onnx", "--out", tmp_path / "o2")
    assert code == 1 and "none.onnx" in output
