"""The command with the shipped weights on real portraits: what is promised of every export."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.faces.identity import DRIFT_LIMIT
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORELIGHT_HOME", str(tmp_path / "home"))


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def test_a_portrait_from_file_to_file_and_again_from_its_sidecar(
    porelight: Run, portraits: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "portrait.jpg"
    shutil.copyfile(portraits / "train" / "london" / "neutral_018.jpg", photo)
    before = photo.read_bytes()
    base = ("retouch", photo, "--format", "png", "--device", "cpu", "--sidecar", "--report", tmp_path / "report.json")
    first = porelight(*base, "--out", tmp_path / "1", "--seed", 3, "-s", "tone=70")
    assert first.exit_code == 0, first.output
    (report,) = json.loads((tmp_path / "report.json").read_text())["photos"]
    (face,) = report["faces"]
    assert report["outside_difference"] == 0 and report["proposal"]["sampler"]["kind"] == "dpg"
    assert 0.005 < report["changed_fraction"] < 0.7
    assert face["marks_removed"]
    assert face["texture_retention"] > 0.6, "below that skin is plastic (methods: portrait target 0.85–1.0)"
    assert face["identity_distance"] < DRIFT_LIMIT
    original, retouched = _pixels(photo), _pixels(tmp_path / "1" / "portrait.png")
    x0, y0, x1, y1 = face["box"]
    changed = np.argwhere((original != retouched).any(axis=2))
    reach = 0.6 * face["width"]
    assert (changed >= (y0 - reach, x0 - reach)).all() and (changed <= (y1 + reach, x1 + reach)).all()
    assert photo.read_bytes() == before

    again = porelight(*base, "--out", tmp_path / "2")
    assert again.exit_code == 0, again.output
    np.testing.assert_array_equal(_pixels(tmp_path / "2" / "portrait.png"), retouched)
    off = porelight(*base, "--out", tmp_path / "3", "--amount", 0)
    assert off.exit_code == 0, off.output
    np.testing.assert_array_equal(_pixels(tmp_path / "3" / "portrait.png"), original)


def test_another_runtime_stays_within_the_promise_of_sidecars(portraits: Path) -> None:
    """torch in place of ONNX Runtime stands for another device."""
    from engine import sidecar
    from engine.policies.compact.policy import load_compact
    from engine.session import RetouchSession

    session = RetouchSession.open(portraits / "train" / "canada" / "154m.jpg")
    session.analyse()
    saved = session.to_sidecar()
    pictures = []
    for runtime in ("onnx", "torch"):
        session.restore(saved, load_compact("cpu", runtime))
        pictures.append(session.render().astype(float) / 255)
    difference = np.abs(pictures[0] - pictures[1])
    assert difference.mean() <= sidecar.DEVICE_MEAN
    assert (difference.max(axis=2) > sidecar.DEVICE_PEAK).mean() <= sidecar.DEVICE_OUTLIERS


def test_variations_of_a_portrait_differ_in_the_face(porelight: Run, portraits: Path, tmp_path: Path) -> None:
    photo = portraits / "train" / "london" / "neutral_018.jpg"
    result = porelight("variations", photo, "-n", 3, "--out", tmp_path, "--format", "png", "--device", "cpu")
    assert result.exit_code == 0, result.output
    pictures = [_pixels(path) for path in sorted(tmp_path.glob("*.png"))]
    assert len(pictures) == 3
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert (pictures[first] != pictures[second]).any(axis=2).mean() > 0.01
