"""The command that measures a policy against its aims, with the painted face and a policy in closed form."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engine.policies import registry
from tests.helpers import fake_policy
from tests.helpers.faces import synthetic_face
from trainer.pretrain import measure
from trainer.pretrain.measure import AIMS, _averaged, held_out, table
from trainer.pretrain.trials import GENERATORS, OURS, Trial, painted, share


def _trials(values: dict[float, str], row: str) -> list[Trial]:
    return [Trial(f"p{i}", OURS, group, {row: value}) for i, (value, group) in enumerate(values.items())]


def test_a_row_says_mean_worst_decile_gap_and_whether_the_aim_is_met():
    row = "removed, second generator"
    found = table(_trials({0.95: "light", 0.93: "light", 0.80: "dark", 0.96: "dark"}, row), OURS)
    assert set(found) == {row}
    assert found[row]["mean"] == pytest.approx(0.91) and found[row]["met"] is True
    assert found[row]["worst_decile"] == pytest.approx(np.percentile([0.95, 0.93, 0.80, 0.96], 10))
    assert found[row]["groups"] == {"light": [0.94, 2], "dark": [0.88, 2]}
    assert found[row]["gap"] == pytest.approx(0.06) and found[row]["gap_met"] is False
    assert table(_trials({0.5: "light"}, row), OURS)[row]["met"] is False
    assert table([], OURS) == {}


def test_paintings_of_one_portrait_count_as_one_painting_with_all_their_marks():
    row, other = "removed, first generator", "landmark drift"
    contrasts = {0.8: 1.0, 0.9: 2.0, 1.0: 5.0, math.nan: 9.0}
    drawn = [Trial("p", OURS, "dark", {row: value}, {row: weight}) for value, weight in contrasts.items()]
    found = _averaged([Trial("p", OURS, "dark", {other: 0.5}), *drawn, Trial("q", OURS, "dark", {row: 0.5})])
    assert [each.portrait for each in found] == ["p", "q"]
    assert found[0].values == pytest.approx({other: 0.5, row: 0.95}) and found[1].values == {row: 0.5}


def test_a_share_is_least_squares_inside_the_mask():
    clean = np.full((20, 20, 3), 50, np.float32)
    mask = np.zeros((20, 20), np.float32)
    mask[5:12, 5:12] = 1
    marked = clean + mask[..., None] * np.float32([-6, 8, 2])
    scene = 1 - mask, 60
    assert share(marked, clean, marked, mask, *scene)[0] == pytest.approx(1, abs=0.01)
    assert share(clean, clean, marked, mask, *scene)[0] == pytest.approx(0, abs=1e-6)
    faded = clean + 0.25 * (marked - clean)
    assert share(faded, clean, marked, mask, *scene)[0] == pytest.approx(0.25, abs=0.01)
    lighter = share(faded + 3, clean, marked, mask, *scene)[0]
    assert lighter == pytest.approx(0.25, abs=0.01), "lighter all over is no mark"
    energy = 7 * 7 * (6**2 + 8**2 + 2**2)
    assert share(faded, clean, marked, mask, *scene)[1] == pytest.approx(energy), "whatever is left of it"
    assert share(marked, clean, marked, 0 * mask, *scene) == (0, 0)


def test_portraits_are_of_people_held_out_and_mixed(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for number in range(40):
            (tmp_path / folder / f"face_{number:03}.jpg").write_bytes(b"")
    found = held_out(tmp_path, 100)
    assert 4 <= len(found) <= 24 and found == held_out(tmp_path, 100)
    assert held_out(tmp_path, 3) == found[:3]
    assert {path.parent.name for path in found[:6]} == {"one", "two"}


def test_the_whole_command_on_a_painted_portrait(tmp_path, monkeypatch, capsys):
    fake_policy.install(monkeypatch, tmp_path / "home")

    def same_face(photo, *, boxes=None, embed=True):
        face = synthetic_face(fake_policy.SIZE)[1]
        return (replace(face, lab=face.lab.copy()),), ()

    monkeypatch.setattr("engine.faces.analysis.analyse", same_face)
    monkeypatch.setattr(measure, "analyse", same_face)
    monkeypatch.setattr("trainer.pretrain.trials.landmark_drift", lambda photo, results, face: [0.0] * len(results))
    monkeypatch.setattr(measure, "PAINTINGS", 2)
    seeds, draw = [], measure.painted
    monkeypatch.setattr(measure, "painted", lambda *args: seeds.append(args[6]) or draw(*args))
    name = next(f"face_{n:03}.jpg" for n in range(99) if measure.is_held_out(f"set/{n:03}"))
    (tmp_path / "set").mkdir()
    Image.fromarray(synthetic_face(fake_policy.SIZE, spots=False)[0].pixels).save(tmp_path / "set" / name, quality=100)
    measure.main(["--portraits", str(tmp_path), "--policy", "fake", "--classical"])
    result = json.loads(capsys.readouterr().out)
    assert (result["portraits"], result["policy"]) == (1, "1")
    assert seeds == [0, 0, 1, 1], "a group of one portrait is painted twice by each generator, not alike"
    assert list(result["rows"]) == [OURS, "frequency separation", "wavelet", "bilateral"]
    ours, bilateral = result["rows"][OURS], result["rows"]["bilateral"]
    assert set(ours) <= set(AIMS)
    # The fake policy shifts the whole skin and takes away its own three spots only: painted marks stay.
    assert abs(ours["removed, second generator"]["mean"]) < 0.25
    assert ours["kept, second generator"]["mean"] == pytest.approx(1, abs=0.25)
    assert ours["clean skin, CIEDE2000"]["mean"] > 0.6 and ours["clean skin, CIEDE2000"]["met"] is False
    assert bilateral["texture of untouched portraits"]["mean"] < ours["texture of untouched portraits"]["mean"]
    assert bilateral["change outside skin, codes"]["mean"] == 0
    assert result["weights"]["megabytes"] > 0 and math.isfinite(result["weights"]["megabytes"])


def test_policies_are_loaded_through_the_registry(tmp_path, monkeypatch):
    with pytest.raises(Exception, match="There is no policy 'nothing'"):
        measure.main(["--portraits", str(tmp_path), "--policy", "nothing"])
    assert measure.DEFAULT == registry.DEFAULT


def test_marks_made_too_light_count_as_much_as_marks_that_are_left(monkeypatch):
    photo, face = synthetic_face(fake_policy.SIZE, spots=False)
    found = {}
    for factor in (0.8, 1.0, 1.2):  # of the marks' contrast taken away

        def heal(marked, policy, with_classical, factor=factor):
            change = photo.pixels.astype(np.float32) - marked.pixels
            return None, {OURS: np.rint(np.clip(marked.pixels + factor * change, 0, 255)).astype(np.uint8)}

        monkeypatch.setattr("trainer.pretrain.trials.retouched", heal)
        (trial,) = painted("p", photo, face, "light", ("second", GENERATORS["second"]), None, 1, False)
        found[factor] = trial.values["removed, second generator"]
    assert found[1.0] == pytest.approx(1, abs=0.01)
    assert found[0.8] == pytest.approx(0.8, abs=0.02) and found[1.2] == pytest.approx(0.8, abs=0.02)
