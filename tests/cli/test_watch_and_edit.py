"""`porelight watch` and `porelight edit`: arrivals are taken once settled, handed copies are checked first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.delivery import plan
from engine.delivery import watch as watching
from engine.delivery.ledger import Ledger
from engine.delivery.naming import Subject
from engine.delivery.recipe import Recipe
from tests.cli.conftest import Run
from tests.helpers.fake_policy import landscape, portrait


@pytest.fixture(autouse=True)
def _quick(fakes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.policies import versions

    monkeypatch.setattr(watching, "SETTLE_SECONDS", 0.2)
    monkeypatch.setattr(versions, "active", lambda: "fake")


def test_arrivals_are_retouched_once_and_counted(
    porelight: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    old = portrait(folder / "old.png")
    made = portrait(tmp_path / "made.png").read_bytes()

    def whole() -> None:
        (folder / "new.png").write_bytes(made)
        landscape(folder / "hills.png")

    # What the camera does before each look at the folder.
    camera = [lambda: (folder / "new.png").write_bytes(made[: len(made) // 2]), whole]
    look = watching.Arrivals.look

    def looked(arrivals: watching.Arrivals) -> list[Path]:
        if camera:
            camera.pop(0)()
        return look(arrivals)

    monkeypatch.setattr(watching.Arrivals, "look", looked)
    done = porelight("watch", folder, "--out", out, "--until-idle", "1")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in out.glob("*.png")) == ["new.png"]
    assert "2 photos: 1 done, 1 skipped, 0 failed" in done.stdout
    assert old.exists()
    again = porelight("watch", folder, "--out", out, "--until-idle", "1")
    assert sorted(path.name for path in out.glob("*.png")) == ["new.png"]
    assert "2 photos" in again.stdout


def test_jobs_left_by_an_earlier_run_are_done_and_told(porelight: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    names = ("one.png", "two.png")
    subjects = [Subject(portrait(folder / name)) for name in names]
    out.mkdir()
    ledger = Ledger(out / ".porelight-watch.sqlite")
    ledger.add(plan.jobs(subjects, [Recipe(folder=str(out))]))
    ledger.close()
    done = porelight("watch", folder, "--out", out, "--until-idle", "1")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in out.glob("*.png")) == sorted(names)
    assert all(f"{name} → {name}" in done.stderr for name in names)


def test_existing_photos_are_taken_when_asked_for(porelight: Run, tmp_path: Path) -> None:
    portrait(tmp_path / "in" / "old.png")
    done = porelight("watch", tmp_path / "in", "--out", tmp_path / "out", "--existing", "--until-idle", "1")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "old.png").exists()


def test_wrong_folders_and_recipes_are_told(porelight: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert porelight("watch", tmp_path / "nowhere", "--out", tmp_path / "out").exit_code == 1
    same = porelight("watch", tmp_path / "in", "--out", tmp_path / "in")
    assert same.exit_code == 2 and "watched folder itself" in same.stderr
    recipe = porelight("watch", tmp_path / "in", "--out", tmp_path / "out", "--recipe", "Nope")
    assert recipe.exit_code == 2 and "Web 2048" in recipe.stderr


def test_a_handed_file_that_is_not_there_or_not_writable_is_told(
    porelight: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = porelight("edit", tmp_path / "gone.tif")
    assert missing.exit_code == 1 and "gone.tif is not a file" in missing.stderr
    copy = portrait(tmp_path / "copy.png")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    locked = porelight("edit", copy)
    assert locked.exit_code == 1 and "cannot be written" in locked.stderr
