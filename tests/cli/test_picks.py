"""Picks from variations to a trained reward through the command line, and what can go wrong on the way."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.session import RetouchSession
from engine.weights.own import encoder_home
from tests.cli.conftest import Run
from tests.helpers import tiny_dinov2
from tests.helpers.fake_policy import FakePolicy, fake_analyse, portrait
from trainer.picks.files import candidate_of, sha256_of
from trainer.picks.store import PickStore
from trainer.reward.features import FeatureMeter
from trainer.reward.measuring import render

pytestmark = pytest.mark.usefixtures("fakes", "quick")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks are found by the fake policy too."""
    monkeypatch.setattr("trainer.reward.measuring.SHIPPED", "fake")


def draw(porelight: Run, folder: Path, name: str, seed: int, *options: str, count: int = 4) -> tuple[Path, list[Path]]:
    """A painted portrait and variations of it."""
    photo = portrait(folder / f"{name}.png", seed=seed)
    out = folder / "v"
    fixed = ("-n", count, "--exploration", 1, "--out", out, "--policy", "fake")
    done = porelight("variations", photo, *fixed, *options)
    assert done.exit_code == 0, done.output
    return photo, [out / f"{name}-v{number + 1}.png" for number in range(count)]


def redness(path: Path) -> float:
    pixels = _pixels(path).astype(float)
    return float((pixels[..., 0] - pixels[..., 1]).mean())


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def lines_of(photos: list[tuple[Path, list[Path]]], folder: Path) -> Path:
    """All pairs, the redder one preferred, as JSON lines beside the photos."""
    file = folder / "picks.jsonl"
    with file.open("w") as out:
        for photo, pictures in photos:
            for first, second in itertools.combinations(pictures, 2):
                better = "image1" if redness(first) > redness(second) else "image2"
                names = {"input": photo, "image1": first, "image2": second}
                data = {key: str(path.relative_to(folder)) for key, path in names.items()}
                scores = {"tone": [5, 2] if better == "image1" else [1, 4]}
                out.write(json.dumps({**data, "preference": better, "scores": scores, "reasoning": "warm"}) + "\n")
    return file


def test_from_variations_to_a_reward_and_back(porelight: Run, tmp_path: Path) -> None:
    photos = [draw(porelight, tmp_path, f"p{n}", n) for n in range(3)]  # three photos teach one thing
    file, store, run = lines_of(photos, tmp_path), tmp_path / "s.sqlite", tmp_path / "run"
    assert "18 new picks" in porelight("picks", "import", file, "--store", store).stdout
    assert "0 new picks" in porelight("picks", "import", file, "--store", store).stdout
    with PickStore.open(store) as opened:
        assert all(each.retouch is not None for each in opened.candidates().values())
        assert {each.dimensions["tone"] for each in opened.picks()} <= {"image1", "image2"}
    found = json.loads(porelight("picks", "stats", "--store", store, "--json").stdout)
    assert (found["picks"], found["photos"], found["candidates"], found["damage"]) == (18, 3, 12, "")

    photos[2][1][0].unlink()
    trained = porelight("train", "reward", "--picks", store, "--out", run, "--json")
    assert trained.exit_code == 0, trained.output
    report = json.loads(trained.stdout)
    assert report["trained_on"] == 18 and report["accuracy"]["value"] >= 0.8
    assert report["fit_seconds"] > 0 and report["by_dimension"]["tone"]["count"] == 18
    assert json.loads((run / "report.json").read_text())["accuracy"] == report["accuracy"]

    photo, pictures = photos[0]
    redder, paler = sorted(pictures, key=redness, reverse=True)[:: len(pictures) - 1]
    said = json.loads(porelight("reward", "score", photo, redder, paler, "--reward", run, "--json").stdout)
    assert said["preference"] == "image1" and said["probabilities"]["image1"] > 0.55
    assert said["overall"][0] > said["overall"][1] and set(said["scores"]) == set(said["dimensions"])
    turned = porelight("reward", "score", photo, paler, redder, "--reward", run)
    assert turned.stdout.startswith("Image 2 is liked better")
    again = porelight("train", "reward", "--picks", store, "--out", run)
    assert again.exit_code == 1 and "holds a run already" in again.stderr and "--resume" not in again.stderr


def test_an_encoder_of_ones_own_is_used_by_itself_and_asked_for_by_its_reward(porelight: Run, tmp_path: Path) -> None:
    photos = [draw(porelight, tmp_path, f"p{n}", n) for n in range(2)]
    file, store, run = lines_of(photos, tmp_path), tmp_path / "s.sqlite", tmp_path / "run"
    porelight("picks", "import", file, "--store", store)
    assert "none: the reward learns from measures alone" in porelight("models").stdout
    home, train = encoder_home(), ("train", "reward", "--picks", store, "--out")
    tiny_dinov2.save(home)
    (home / "config.json").rename(home / "other.json")
    assert "has no config.json. It needs config.json" in " ".join(porelight("models").stdout.split())
    (home / "other.json").rename(home / "config.json")
    assert json.loads(porelight("models", "--json").stdout)["own"][0]["ok"]
    trained = json.loads(porelight(*train, run, "--json").stdout)
    assert trained["encoder"]["unseen"] == 0 and "looks through DINOv2 (2 layers, 24 wide" in trained["words"][-1]
    plain = json.loads(porelight(*train, tmp_path / "plain", "--encoder", "none", "--json").stdout)
    assert plain["encoder"] is None and plain["trained_on"] == trained["trained_on"] == 12
    photo, pictures = photos[0]
    redder, paler = sorted(pictures, key=redness, reverse=True)[:: len(pictures) - 1]
    score = ("reward", "score", photo, redder, paler, "--reward")
    said = [json.loads(porelight(*score, each, "--json").stdout) for each in (run, tmp_path / "plain")]
    assert [each["preference"] for each in said] == ["image1"] * 2 and said[0]["overall"] != said[1]["overall"]
    (home / "config.json").rename(home / "away")
    assert porelight("picks", "import", file, "--store", tmp_path / "other").exit_code == 0, "training will say it"
    (home / "away").rename(home / "config.json")
    home.rename(tmp_path / "elsewhere")
    gone = porelight(*score, run)
    assert gone.exit_code == 1 and f"encoder {trained['encoder']['digest']}, which is not here" in gone.stderr
    assert porelight(*score, tmp_path / "plain").exit_code == 0
    foreign = porelight(*train, tmp_path / "x", "--encoder", tmp_path)
    assert foreign.exit_code == 1 and "has no config.json" in foreign.stderr
    named = json.loads(porelight(*train, tmp_path / "y", "--encoder", tmp_path / "elsewhere", "--json").stdout)
    assert named["encoder"] == trained["encoder"] and named["accuracy"] == trained["accuracy"]
    assert porelight(*score, tmp_path / "y").exit_code == 0, "the reward remembers where it lay"


def test_variations_are_rendered_again_to_the_bit(porelight: Run, tmp_path: Path) -> None:
    photo, pictures = draw(porelight, tmp_path, "a", 3, count=2)
    for picture in pictures:  # with strengths of its own, and without
        candidate = candidate_of(picture, str(sha256_of(photo)))
        assert candidate.retouch is not None and candidate.face == "face-1"
        session = RetouchSession.open(photo)
        session.faces, session.skipped = fake_analyse(session.photo)
        pixels = render(session, candidate.retouch, lambda name, version: FakePolicy(version))
        assert (pixels == _pixels(picture)).all()
    pictures[1].write_bytes(pictures[0].read_bytes())
    assert candidate_of(pictures[1], str(sha256_of(photo))).retouch is None, "another file under the same name"


def test_export_and_import_give_the_same_picks(porelight: Run, tmp_path: Path) -> None:
    photo, pictures = draw(porelight, tmp_path, "a", 0)
    store = tmp_path / "s.sqlite"
    why = "schärfer\u2028da"
    options = ("--store", store, "--dimension", "smoothing=tie", "--score", "clarity=4,2", "--reasoning", why)
    assert porelight("picks", "add", photo, *pictures[:2], "--prefer", "image2", *options).exit_code == 0
    assert (
        porelight("picks", "add", photo, *pictures[1:3], "--prefer", "tie", "--store", store, "--random").exit_code == 0
    )
    pictures[2].unlink()
    out = tmp_path / "elsewhere" / "out.jsonl"
    assert "2 picks" in porelight("picks", "export", out, "--store", store).stdout
    first, second = (json.loads(line) for line in out.read_text(encoding="utf-8").strip().split("\n"))
    assert first["preference"] == "image2" and first["scores"] == {"clarity": [4, 2]}
    assert first["reasoning"] == why
    assert first["dimensions"] == {"clarity": "image1", "smoothing": "tie"}
    assert (out.parent / first["input"]).read_bytes() == photo.read_bytes()
    drawn = out.parent / second["image2"]
    assert drawn.parent.name == "out-pictures", "the lost picture was drawn again"
    assert drawn.exists() and not pictures[2].exists()
    assert porelight("picks", "export", out, "--store", store).exit_code == 1
    with PickStore.open(store) as opened:
        picks = opened.picks()
    for source in (out, tmp_path / "set"):
        if source.name == "set":
            done = porelight("picks", "export", source, "--store", store, "--dataset")
            assert done.exit_code == 0, done.output
        target = tmp_path / f"{source.name}.sqlite"
        assert "2 new picks" in porelight("picks", "import", source, "--store", target).stdout
        with PickStore.open(target) as opened:
            again = {each.id: each for each in opened.picks()}
        for pick in picks:
            same = again[pick.id].model_copy(update={"image1": pick.image1, "image2": pick.image2})
            assert same == pick
    assert "0 new picks" in porelight("picks", "import", store, "--store", store).stdout


def test_a_dataset_folder_is_an_imagefolder(porelight: Run, tmp_path: Path) -> None:
    """Hugging Face: pictures beside a metadata.jsonl whose `…_file_name` columns name them, of one form in every line;
    the card's header lists the splits. (datasets itself read such a folder when this was written.)"""
    photo, pictures = draw(porelight, tmp_path, "a", 0)
    store, out = tmp_path / "s.sqlite", tmp_path / "set"
    for pair, prefer in ((pictures[:2], "image1"), (pictures[1:3], "tie")):
        porelight("picks", "add", photo, *pair, "--prefer", prefer, "--store", store)
    assert porelight("picks", "export", out, "--store", store, "--dataset").exit_code == 0
    lines = [json.loads(line) for line in (out / "train" / "metadata.jsonl").read_text().splitlines()]
    assert len(lines) == 2 and {tuple(line) for line in lines} == {tuple(lines[0])}
    for line in lines:
        for name in ("input", "image1", "image2"):
            file = out / "train" / line[f"{name}_file_name"]
            assert file.parent == out / "train" and _pixels(file).shape == (240, 200, 3)
    assert (out / "train" / lines[0]["input_file_name"]).read_bytes() == photo.read_bytes()
    card = (out / "README.md").read_text()
    assert card.startswith("---\nconfigs:\n") and "split: train" in card and "split: test" not in card


def test_withdrawn_photos_leave_training_and_exports(porelight: Run, tmp_path: Path) -> None:
    photos = [draw(porelight, tmp_path, name, n, count=2) for n, name in enumerate("ab")]
    store = tmp_path / "s.sqlite"
    for photo, pictures in photos:
        porelight("picks", "add", photo, *pictures, "--prefer", "image1", "--store", store)
    before = shutil.copy(store, tmp_path / "before.sqlite")
    assert "Withdrawn: 1 pick of a.png" in porelight("picks", "withdraw", photos[0][0], "--store", store).stdout
    assert "0 new picks" in porelight("picks", "import", store, "--store", before).stdout
    assert "is sound: " in (sound := porelight("picks", "verify", "--store", before).stdout) and ", 1 pick." in sound
    porelight("picks", "export", tmp_path / "o.jsonl", "--store", store)
    assert [json.loads(line)["input"] for line in (tmp_path / "o.jsonl").read_text().splitlines()] == ["b.png"]
    report = json.loads(porelight("train", "reward", "--picks", store, "--out", tmp_path / "r", "--json").stdout)
    assert report["picks"] == 1
    porelight("picks", "withdraw", photos[1][0], "--store", store)
    done = porelight("train", "reward", "--picks", store, "--out", tmp_path / "r2")
    assert done.exit_code == 1 and "holds no pick that counts. Make some picks first." in done.stderr


def test_photos_that_disappeared(porelight: Run, tmp_path: Path) -> None:
    """What was measured before stays usable; what was not is said, and the rest goes on."""
    photos = [draw(porelight, tmp_path, f"p{n}", n, count=3) for n in range(3)]
    store = tmp_path / "s.sqlite"
    porelight("picks", "import", lines_of(photos[:2], tmp_path), "--store", store)
    porelight("picks", "add", photos[2][0], *photos[2][1][:2], "--prefer", "tie", "--store", store)
    for photo, pictures in photos:
        for path in (photo, *pictures):
            path.unlink()
    done = porelight("train", "reward", "--picks", store, "--out", tmp_path / "r", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["trained_on"] == 6 and report["left_out"]["features_missing"] == 1
    assert "p2.png" in report["left_out"]["reasons"][0] and "Left out are 1 of 7 picks" in report["words"][-1]
    said = porelight("picks", "verify", "--store", store)
    assert said.exit_code == 0 and "p0.png" in said.stdout and "is gone or has changed" in said.stdout
    lost = porelight("picks", "export", tmp_path / "o.jsonl", "--store", store)
    assert lost.exit_code == 1 and "0 picks" in lost.stdout and "gone or has changed" in lost.stderr
    only = tmp_path / "only.sqlite"
    new = draw(porelight, tmp_path, "q", 9, count=2)
    porelight("picks", "add", new[0], *new[1], "--prefer", "image1", "--store", only)
    for path in (new[0], *new[1]):
        path.unlink()
    done = porelight("train", "reward", "--picks", only, "--out", tmp_path / "r3")
    assert done.exit_code == 1 and "none can be used" in done.stderr and "q.png" in done.stderr


def _line(**other: object) -> str:
    good = {"input": "a.png", "image1": "v/a-v1.png", "image2": "v/a-v2.png", "preference": "image1"}
    return json.dumps({key: value for key, value in {**good, **other}.items() if value is not None})


BAD = {
    "no JSON": ("hello", "no JSON object"),
    "a number": ("7", "no JSON object"),
    "no preference": (_line(preference=None), "'preference' is missing"),
    "unknown preference": (_line(preference="left"), "preference"),
    "lost picture": (_line(image2="x.png"), "x.png is not there"),
    "unknown dimension": (_line(scores={"taste": [1, 2]}), "no dimension 'taste'"),
    "odd scores": (_line(scores={"clarity": [1]}), "scores: clarity needs two scores, one of each image."),
    "the same twice": (_line(image2="v/a-v1.png"), "same picture"),
    "no end": ("[" * 200_000, "no JSON object"),
    "no path": (_line(image1="v/\0.png"), "is not there"),
    "a damaged sheet": (_line(image1="w/a-v1.png"), "sheet a-variations.json is damaged"),
}


def test_bad_lines_are_named_and_the_others_are_taken(porelight: Run, tmp_path: Path) -> None:
    draw(porelight, tmp_path, "a", 0, count=2)
    shutil.copytree(tmp_path / "v", tmp_path / "w")
    (tmp_path / "w" / "a-variations.json").write_text("{")
    file = tmp_path / "in.jsonl"
    file.write_text("\n".join([*(line for line, _ in BAD.values()), "", _line()]) + "\n")
    result = porelight("picks", "import", file, "--store", tmp_path / "s.sqlite")
    assert result.exit_code == 1 and "1 new pick " in result.stdout
    said = result.stderr.splitlines()
    assert len(said) == len(BAD)
    for number, (line, (_, words)) in enumerate(zip(said, BAD.values(), strict=True), 1):
        assert f"in.jsonl line {number}:" in line and words in line, line
    file.write_text(f"\ufeff{_line()}\r\n", encoding="utf-8")
    assert porelight("picks", "import", file, "--store", tmp_path / "t.sqlite").exit_code == 0, "written on Windows"
    nothing = porelight("picks", "import", tmp_path / "v", "--store", tmp_path / "t.sqlite")
    assert nothing.exit_code == 2 and "holds no metadata.jsonl" in nothing.stderr


def test_pictures_of_another_photo_are_said_and_not_learned_from(porelight: Run, tmp_path: Path) -> None:
    photo, (picture, *_) = draw(porelight, tmp_path, "a", 0, count=2)
    other, store, run = tmp_path / "other.png", tmp_path / "s.sqlite", tmp_path / "run"
    Image.fromarray(np.ascontiguousarray(_pixels(picture)[::-1])).save(other)
    (tmp_path / "in.jsonl").write_text("\n".join([_line(), _line(image2="other.png")]))
    taken = porelight("picks", "import", tmp_path / "in.jsonl", "--store", store)
    assert "2 new picks" in taken.stdout and "other.png is no retouch of a.png." in taken.stderr
    trained = porelight("train", "reward", "--picks", store, "--out", run)
    assert "Left out are 1 of 2 picks, whose pictures cannot be measured." in trained.stdout
    said = porelight("reward", "score", photo, picture, other, "--reward", run)
    assert said.exit_code == 1 and "other.png is no retouch of a.png." in said.stderr


def test_a_damaged_store_is_used_up_to_there_and_repaired(porelight: Run, tmp_path: Path) -> None:
    photos = [draw(porelight, tmp_path, f"p{n}", n) for n in range(2)]
    store = tmp_path / "s.sqlite"
    porelight("picks", "import", lines_of(photos, tmp_path), "--store", store)
    os.truncate(store, int(store.stat().st_size * 0.7))
    found = porelight("picks", "verify", "--store", store)
    assert found.exit_code == 1 and "damaged" in found.stdout and "--repair" in found.stdout
    refused = porelight("picks", "add", photos[0][0], *photos[0][1][:2], "--prefer", "tie", "--store", store)
    assert refused.exit_code == 1 and "verify --repair" in refused.stderr
    exported = porelight("picks", "export", tmp_path / "o.jsonl", "--store", store)
    assert exported.exit_code == 0 and "damaged: it breaks off" in exported.stderr
    trained = json.loads(porelight("train", "reward", "--picks", store, "--out", tmp_path / "r", "--json").stdout)
    left = json.loads(porelight("picks", "stats", "--store", store, "--json").stdout)["picks"]
    assert 0 < trained["trained_on"] == left and "breaks off" in trained["store_damage"]
    assert porelight("picks", "verify", "--store", store, "--repair").exit_code == 0
    assert "is sound" in porelight("picks", "verify", "--store", store).stdout
    assert (tmp_path / "s.sqlite.damaged-1").exists()


def test_a_newer_store_and_a_missing_one(porelight: Run, tmp_path: Path) -> None:
    PickStore.open(tmp_path / "s.sqlite", create=True).close()
    connection = sqlite3.connect(tmp_path / "s.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for command in (("picks", "stats", "--store"), ("train", "reward", "--out", tmp_path / "r", "--picks")):
        newer = porelight(*command, tmp_path / "s.sqlite")
        assert newer.exit_code == 1 and "newer Porelight" in newer.stderr and "left as it is" in newer.stderr
        missing = porelight(*command, tmp_path / "none.sqlite")
        assert missing.exit_code == 1 and "no store of picks none.sqlite" in missing.stderr
    assert not (tmp_path / "r").exists()


def test_ctrl_c_while_measuring_stops_cleanly(porelight: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = [draw(porelight, tmp_path, f"p{n}", n, count=2) for n in range(2)]
    store = tmp_path / "s.sqlite"
    for photo, pictures in photos:
        porelight("picks", "add", photo, *pictures, "--prefer", "image1", "--store", store)

    def interrupt(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("trainer.reward.measuring.FeatureMeter", lambda *given: interrupt() or FeatureMeter(*given))
    result = porelight("train", "reward", "--picks", store, "--out", tmp_path / "r")
    assert result.exit_code == 130 and "Cancelled" in result.stderr and not (tmp_path / "r").exists()
    with PickStore.open(store) as opened:
        assert opened.damage == "" and len(opened.picks()) == 2


def test_drawing_needs_the_very_policy_that_drew(
    porelight: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, pictures = draw(porelight, tmp_path, "a", 0, count=2)
    store = tmp_path / "s.sqlite"
    porelight("picks", "add", photo, *pictures, "--prefer", "image1", "--store", store)
    pictures[0].unlink()
    monkeypatch.setattr("tests.helpers.fake_policy.load_fake", lambda *_: FakePolicy("2"))
    result = porelight("picks", "export", tmp_path / "o.jsonl", "--store", store)
    assert result.exit_code == 1 and "drawn by fake 1, which is not here (there is 2)" in result.stderr
