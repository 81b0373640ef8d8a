"""The pyiqa backend against a stand-in with pyiqa's interface: what is missing is said, nothing is fetched."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from engine.metrics.iqa import METRICS, Backend


class FakeMetric:
    """Judges a picture by its mean, compares folders by their counts of files; prints like pyiqa does."""

    def __init__(self, name: str, device: str, **options: object) -> None:
        self.name, self.options = name, options
        print(f"Loading pretrained model {name}")
        if name == "nrqm":
            raise RuntimeError("the file is damaged\nand more")
        if "pretrained_model_path" in options:
            assert Path(str(options["pretrained_model_path"])).is_file()

    def __call__(self, target: str, ref: str | None = None, **options: object) -> float:
        if ref is not None:
            assert options == {"num_workers": 0, "verbose": False}
            return float(len(list(Path(target).iterdir())) - len(list(Path(ref).iterdir())))
        if self.name == "musiq-ava":
            raise ValueError("too small")
        return float(np.asarray(Image.open(target)).mean())


@pytest.fixture
def pyiqa(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A stand-in pyiqa and a folder with all weights but MANIQA's. Returns: the folder."""
    module = ModuleType("pyiqa")
    module.__spec__ = ModuleSpec("pyiqa", None)
    module.__version__ = "0.1.15"  # type: ignore[attr-defined]
    module.create_metric = FakeMetric  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyiqa", module)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder, own = tmp_path / "weights", tmp_path / "torch" / "hub" / "pyiqa"
    for each in (folder, own):
        each.mkdir(parents=True)
    for metric in METRICS:
        if metric.title != "MANIQA":
            ((own if metric.pairs else folder) / metric.file).write_bytes(b"weights")
    return folder


def test_without_the_package_every_metric_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    backend = Backend()
    assert backend.available == () and set(backend.reasons) == {metric.title for metric in METRICS}
    assert "not installed" in backend.reasons["NIQE"] and "--iqa-weights" in backend.reasons["NIQE"]


def test_metrics_with_weights_judge_and_the_others_say_why(
    pyiqa: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = Backend(pyiqa)
    assert [metric.title for metric in backend.available] == ["NIQE", "NIMA", "MUSIQ", "TOPIQ", "FID"]
    assert "MANIQA_PIPAL" in backend.reasons["MANIQA"] and "licence" in backend.reasons["MANIQA"]
    assert backend.reasons["NRQM"] == "pyiqa cannot load it: the file is damaged."
    picture = tmp_path / "face.png"
    Image.new("RGB", (8, 8), (30, 60, 90)).save(picture)
    scores = backend.judge(picture)
    assert scores["NIQE"] == scores["TOPIQ"] == pytest.approx(60)
    assert np.isnan(scores["MUSIQ"]) and backend.reasons["MUSIQ"] == "pyiqa failed on a picture: too small."
    assert capsys.readouterr().out == ""


def test_sets_of_pictures_are_compared(pyiqa: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, count in ((one, 3), (two, 1)):
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.png").write_bytes(b"")
    assert Backend(pyiqa).compare(one, two) == {"FID": 2.0}


def test_nothing_is_fetched_when_weights_are_missing(pyiqa: Path, tmp_path: Path) -> None:
    backend = Backend(tmp_path / "nowhere")
    assert [metric.title for metric in backend.available] == ["FID"]
