"""`porelight retouch` and its neighbours: what people type, what they get, and the exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.proposal import EXPLORATION
from tests.cli.conftest import Run
from tests.helpers.fake_policy import landscape, portrait

pytestmark = pytest.mark.usefixtures("fakes")
CHECKOUT = Path(__file__).parents[2]


def _pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def test_files_folders_and_globs(porelight: Run, tmp_path: Path) -> None:
    portrait(tmp_path / "in" / "a.png")
    portrait(tmp_path / "in" / "sub" / "a.png", seed=1)
    portrait(tmp_path / "b1.png", seed=2)
    portrait(tmp_path / "b2.jpg", seed=3)
    result = porelight(
        "retouch", tmp_path / "in", tmp_path / "b?.*", "--out", tmp_path / "out", "--policy", "fake", "--jobs", 2
    )
    assert result.exit_code == 0, result.output
    written = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert written == ["a.png", "b1.png", "b2.jpg", "sub/a.png"]
    assert "4 photos: 4 done, 0 skipped, 0 failed" in result.stdout


def test_same_names_do_not_clobber(porelight: Run, tmp_path: Path) -> None:
    first, second = portrait(tmp_path / "x" / "a.png"), portrait(tmp_path / "y" / "a.png", seed=9)
    assert porelight("retouch", first, second, "--out", tmp_path / "out", "--policy", "fake").exit_code == 0
    for source, result in ((first, "a.png"), (second, "a-2.png")):
        difference = np.abs(_pixels(source) - _pixels(tmp_path / "out" / result))
        assert 0 < difference.mean() < 4


def test_output_folder_that_is_the_input_folder(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    before = photo.read_bytes()
    result = porelight("retouch", tmp_path, "--out", tmp_path, "--policy", "fake", "--overwrite")
    assert result.exit_code == 0, result.output
    assert photo.read_bytes() == before
    assert (tmp_path / "a-retouched.png").exists()


def test_strengths_reach_the_pixels(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")

    def change(name: str, *options: object) -> float:
        result = porelight("retouch", photo, "--out", tmp_path / name, "--policy", "fake", "--seed", 3, *options)
        assert result.exit_code == 0, result.output
        return float(np.abs(_pixels(tmp_path / name / "a.png") - _pixels(photo)).mean())

    proposed = change("proposed")
    assert change("none", "--amount", 0) == 0
    assert change("more", "--amount", 90) > 1.3 * proposed
    assert change("less", "-s", "heal=0", "--strength", "light=10") < proposed
    assert change("tone", "-s", "tone=0", "-s", "light=0", "-s", "texture=0", "-s", "heal=0") == 0


def test_format_depth_and_quality(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.tif", depth=16)
    base = ("retouch", photo, "--policy", "fake", "--out")
    assert porelight(*base, tmp_path / "1").exit_code == 0
    assert (tmp_path / "1" / "a.tif").exists()
    assert porelight(*base, tmp_path / "2", "--format", "png", "--depth", 8).exit_code == 0
    assert np.asarray(Image.open(tmp_path / "2" / "a.png")).dtype == np.uint8
    result = porelight(*base, tmp_path / "3", "--format", "jpg", "--quality", 40)
    assert result.exit_code == 0
    assert "note:" in result.stderr and "8" in result.stderr, "the depth is not reduced silently"
    assert porelight(*base, tmp_path / "4", "--format", "jpeg", "--quality", 95).exit_code == 0
    assert (tmp_path / "3" / "a.jpg").stat().st_size < (tmp_path / "4" / "a.jpg").stat().st_size


def test_existing_results_are_skipped_with_the_reason(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    arguments = ("retouch", photo, "--out", tmp_path / "out", "--policy", "fake")
    assert porelight(*arguments).exit_code == 0
    first = (tmp_path / "out" / "a.png").stat().st_mtime_ns
    again = porelight(*arguments)
    assert again.exit_code == 0 and "there already" in again.stderr
    assert "1 photo: 0 done, 1 skipped, 0 failed" in again.stdout
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == first
    assert "1 done" in porelight(*arguments, "--overwrite").stdout


def test_report(porelight: Run, tmp_path: Path) -> None:
    portrait(tmp_path / "a.png")
    landscape(tmp_path / "hills.png")
    (tmp_path / "bad.jpg").write_bytes(b"")
    result = porelight(
        "retouch", tmp_path, "--out", tmp_path / "out", "--policy", "fake", "--report", tmp_path / "report.json"
    )
    assert result.exit_code == 1
    data = json.loads((tmp_path / "report.json").read_text())
    assert data["counts"] == {"total": 3, "done": 1, "skipped": 1, "failed": 1, "cancelled": 0}
    assert {Path(photo["source"]).name: photo["status"] for photo in data["photos"]} == {
        **{"a.png": "done", "bad.jpg": "failed", "hills.png": "skipped"}
    }


def test_sidecar_option(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    base = ("retouch", photo, "--sidecar", "--out")
    assert porelight(*base, tmp_path / "1", "--policy", "fake", "--seed", 5, "-s", "tone=80").exit_code == 0
    assert (tmp_path / "a.png.porelight.json").exists()
    assert porelight(*base, tmp_path / "2").exit_code == 0
    np.testing.assert_array_equal(_pixels(tmp_path / "1" / "a.png"), _pixels(tmp_path / "2" / "a.png"))


def test_analyse_as_json(porelight: Run, tmp_path: Path) -> None:
    portrait(tmp_path / "a.png")
    result = porelight("analyse", tmp_path / "a.png", "--json")
    assert result.exit_code == 0
    (photo,) = json.loads(result.stdout)
    (face,) = photo["faces"]
    assert photo["size"] == [200, 240] and face["width"] == 110 and 0 < face["regions"]["skin"] < 1
    assert photo["skipped"][0]["reason"] == "Too small."
    assert "marks" not in face
    with_marks = json.loads(porelight("analyse", tmp_path / "a.png", "--json", "--marks", "--policy", "fake").stdout)
    decisions = [(mark["kind"], mark["decision"]) for mark in with_marks[0]["faces"][0]["marks"]]
    assert decisions == [("blemish", "remove"), ("dark_spot", "remove"), ("mole", "keep")]
    plain = porelight("analyse", tmp_path / "a.png")
    assert "face-1: 110 px wide" in plain.stdout
    broken = porelight("analyse", tmp_path / "a.png", tmp_path / "gone.png", "--json")
    assert broken.exit_code == 1 and [entry.get("code") for entry in json.loads(broken.stdout)] == [None, "read"]


def test_variations(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    arguments = ("variations", photo, "-n", 3, "--out", tmp_path / "out", "--policy", "fake")
    result = porelight(*arguments, "--report", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    written = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in written] == ["a-v1.png", "a-v2.png", "a-v3.png", "a-variations.json"]
    assert len({path.read_bytes() for path in written}) == 4
    report = json.loads((tmp_path / "r.json").read_text())
    assert [entry["proposal"]["seed"] for entry in report["photos"]] == [1, 2, 3]
    assert {entry["proposal"]["anchor"]["seed"] for entry in report["photos"]} == {0}
    assert {entry["proposal"]["exploration"] for entry in report["photos"]} == {EXPLORATION}
    again = porelight(*arguments)
    assert again.exit_code == 1 and "a-v1.png is there already" in again.stderr


def test_variations_have_the_strengths_of_their_anchor(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    options = ("-s", "tone=70", "--policy", "fake", "--report", tmp_path / "r.json")
    assert porelight("variations", photo, "-n", 2, "--out", tmp_path / "out", *options).exit_code == 0
    faces = [entry["faces"][0]["strengths"] for entry in json.loads((tmp_path / "r.json").read_text())["photos"]]
    assert faces[0] == faces[1] and (faces[0]["tone"], faces[0]["smooth"]) == (70, 50)


def test_variations_of_a_folder_go_on_after_a_photo_that_cannot_be_read(porelight: Run, tmp_path: Path) -> None:
    folder = tmp_path / "shoot"
    (folder / "b").mkdir(parents=True)
    portrait(folder / "a.png")
    portrait(folder / "b" / "a.png", seed=1)
    (folder / "c.png").write_bytes(b"no picture")
    faceless = Image.new("RGB", (64, 64), (90, 90, 90))
    faceless.save(folder / "d.png")
    out = tmp_path / "out"
    result = porelight("variations", folder, "-n", 2, "--out", out, "--policy", "fake", "--report", tmp_path / "r.json")
    assert result.exit_code == 1 and "4 variations of 2 photos" in result.stdout
    assert "failed   (2/4) c.png is not a photo" in result.stderr and "skipped  (3/4) d.png" in result.stderr
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert names == [f"{stem}{end}" for stem in ("a", "b/a") for end in ("-v1.png", "-v2.png", "-variations.json")]
    counts = json.loads((tmp_path / "r.json").read_text())["counts"]
    assert (counts["done"], counts["failed"], counts["skipped"]) == (4, 1, 1)


def test_variations_never_replace_a_photo_that_is_read(porelight: Run, tmp_path: Path) -> None:
    """Even with --overwrite, where a photo bears the name of a variation."""
    photos = [portrait(tmp_path / "a.png"), portrait(tmp_path / "a-v1.png", seed=1)]
    before = [photo.read_bytes() for photo in photos]
    result = porelight("variations", *photos, "-n", 1, "--out", tmp_path, "--policy", "fake", "--overwrite")
    assert result.exit_code == 1 and "a-v1.png" in result.stderr
    assert [photo.read_bytes() for photo in photos] == before
    assert (tmp_path / "a-v1-v1.png").exists(), "the other photo goes on"


def test_photos_of_one_name_have_variations_and_sheets_of_their_own(porelight: Run, tmp_path: Path) -> None:
    """As of a pair of raw and JPEG."""
    photos = [portrait(tmp_path / "a.png"), portrait(tmp_path / "a.tif", seed=1)]
    result = porelight("variations", *photos, "-n", 1, "--out", tmp_path, "--policy", "fake")
    assert result.exit_code == 0, result.output
    sheets = {name: json.loads((tmp_path / f"{name}-variations.json").read_text()) for name in ("a", "a-2")}
    named = {sheet["photo"]: [each["file"] for each in sheet["variations"]] for sheet in sheets.values()}
    assert named == {"a.png": ["a-v1.png"], "a.tif": ["a-2-v1.tif"]}


def test_variations_of_the_sidecars_retouch(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    options = ("--policy", "fake", "--seed", 8, "-s", "tone=95", "--sidecar")
    assert porelight("retouch", photo, "--out", tmp_path / "1", *options).exit_code == 0
    before = (tmp_path / "a.png.porelight.json").read_bytes()
    result = porelight(
        "variations", photo, "-n", 1, "--out", tmp_path / "2", "--sidecar", "--report", tmp_path / "r.json"
    )
    assert result.exit_code == 0, result.output
    (report,) = json.loads((tmp_path / "r.json").read_text())["photos"]
    assert report["proposal"]["anchor"]["seed"] == 8 and report["faces"][0]["strengths"]["tone"] == 95
    assert (tmp_path / "a.png.porelight.json").read_bytes() == before


def test_models(porelight: Run) -> None:
    result = porelight("models")
    assert "kontext" in result.stdout and "non-commercial" in result.stdout and "face_landmarks" in result.stdout
    data = json.loads(porelight("models", "--json").stdout)
    assert {policy["name"] for policy in data["policies"]} >= {"compact", "kontext"}
    assert data["files"]


def test_version_and_help(porelight: Run) -> None:
    assert porelight("--version").stdout.startswith("porelight ")
    assert "130 cancelled" in porelight("retouch", "--help").stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-s", "beauty=50"), "heal"),
        (("-s", "heal=101"), "0…100"),
        (("-s", "heal"), "NAME=0…100"),
        (("-s", "heal=nan"), "NAME=0…100"),
        (("--amount", "200"), "amount"),
        (("--format", "gif"), "jpeg, png or tiff"),
        (("--format", "jpeg", "--depth", "16"), "8 bits"),
        (("--depth", "12"), "--depth 8"),
        (("--device", "quantum"), "cuda, directml, mps, cpu"),
        (("--policy", "nobody"), "compact"),
        (("--sampler", "magic"), "dpg"),
        (("--jobs", "0"), "jobs"),
        (("--seed", "-1"), "seed"),
    ],
)
def test_wrong_usage(porelight: Run, tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    result = porelight("retouch", portrait(tmp_path / "a.png"), "--out", tmp_path / "out", *options)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_without_photos(porelight: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = porelight("retouch", tmp_path / "empty", "--out", tmp_path / "out")
    assert result.exit_code == 2 and "no photos" in result.stderr


def test_kontext_without_its_model_says_what_is_missing(porelight: Run, tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    result = porelight("retouch", photo, "--out", tmp_path / "out", "--policy", "kontext")
    assert result.exit_code == 1
    for words in ("kontext", "FLUX.1-Kontext-dev", "--model", "non-commercial"):
        assert words in result.stderr
    result = porelight("retouch", photo, "--out", tmp_path / "out", "--policy", "kontext", "--model", tmp_path / "no")
    assert result.exit_code == 1 and "no model folder" in result.stderr


SLOW = """
import sys, time
from pathlib import Path
import pytest
from tests.helpers import fake_policy
patch = pytest.MonkeyPatch()
fake_policy.install(patch, Path(sys.argv.pop(1)))
velocity = fake_policy.FakePolicy.velocity
def slow(self, *arguments):
    print("sampling", flush=True)
    time.sleep(0.3)
    return velocity(self, *arguments)
patch.setattr(fake_policy.FakePolicy, "velocity", slow)
from app.main import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_leaves_nothing_half_done(tmp_path: Path, jobs: int) -> None:
    for number in range(3):
        portrait(tmp_path / "in" / f"{number}.png", seed=number)
    arguments = ["retouch", tmp_path / "in", "--out", tmp_path / "out", "--policy", "fake", "--jobs", jobs]
    arguments += ["--report", tmp_path / "report.json"]
    command = [sys.executable, "-c", SLOW, str(tmp_path / "home"), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert first == "sampling\n", err
    assert process.returncode == 130, err
    assert time.monotonic() - start < 5
    assert "Cancelled." in err and "Traceback" not in err
    assert "3 photos: 0 done, 0 skipped, 0 failed, 3 cancelled" in out
    assert json.loads((tmp_path / "report.json").read_text())["counts"]["cancelled"] == 3
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_kontext_from_a_folder_goes_the_same_way(porelight: Run, tmp_path: Path) -> None:
    """A tiny random model: its result is exported, reported and drawn again from the sidecar like any other."""
    pytest.importorskip("diffusers")
    from tests.helpers import tiny_kontext

    photo = portrait(tmp_path / "a.png")
    model = tiny_kontext.save(tmp_path / "model")
    base = ("retouch", photo, "--policy", "kontext", "--model", model, "--device", "cpu", "--sidecar", "--out")
    first = porelight(*base, tmp_path / "1", "-s", "tone=100", "--report", tmp_path / "r.json")
    assert first.exit_code == 0, first.output
    (report,) = json.loads((tmp_path / "r.json").read_text())["photos"]
    assert report["proposal"]["policy"] == "kontext" and report["outside_difference"] == 0
    assert report["changed_fraction"] > 0
    again = porelight("retouch", photo, "--model", model, "--device", "cpu", "--sidecar", "--out", tmp_path / "2")
    assert again.exit_code == 0, again.output
    np.testing.assert_array_equal(_pixels(tmp_path / "1" / "a.png"), _pixels(tmp_path / "2" / "a.png"))
