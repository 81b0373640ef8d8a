"""From file to file: what is written, what is not, and that a batch's counts add up whatever happens in it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine import pipeline, sidecar
from engine.errors import Cancelled, ExportError, ImageReadError, ModelCorruptError, ModelMissingError
from engine.jobs import CancelToken, Progress
from engine.outputs import Target
from engine.pipeline import Delivery, PolicyPool, RetouchRequest, RetouchResult, Status, count, run, run_batch
from engine.proposal import SamplerSettings
from engine.report import mask_support, measure, write_report
from engine.session import RetouchSession
from engine.types import DEFAULT_STRENGTHS, Decision, FaceEdits
from tests.helpers import fake_policy
from tests.helpers.fake_policy import FakePolicy, landscape, portrait


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_policy.install(monkeypatch, tmp_path / "home")


def _request(photo: Path, out: Path, **options: object) -> RetouchRequest:
    request = RetouchRequest(photo, (Delivery(Target(out, photo.stem)),), policy="fake")
    return replace(request, **options)  # type: ignore[arg-type]


def _files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def test_one_photo(tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    before = photo.read_bytes()
    stages: list[Progress] = []
    result = run(_request(photo, tmp_path / "out"), report=stages.append)
    assert result.status is Status.DONE and result.output == tmp_path / "out" / "a.png"
    assert photo.read_bytes() == before
    assert _files(tmp_path / "out") == ["a.png"]
    fractions = [stage.fraction for stage in stages]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1


def test_the_report_tells_the_truth(tmp_path: Path) -> None:
    """Every number against one computed here from the two files."""
    photo = portrait(tmp_path / "a.tif", depth=16)
    result = run(_request(photo, tmp_path / "out", seed=5))
    assert result.report is not None and result.output is not None
    before = tifffile.imread(photo).astype(int)
    after = tifffile.imread(result.output).astype(int)
    changed = (before != after).any(axis=2)
    assert result.report.depth == 16
    assert result.report.changed_fraction == pytest.approx(changed.mean())
    assert result.report.outside_difference == 0
    (face,) = result.report.faces
    assert [mark.id for mark in face.marks_removed] == ["m0", "m1"]
    assert [mark.id for mark in face.marks_kept] == ["m2"]
    for mark in face.marks_removed:
        assert mark.contrast_before is not None and mark.contrast_after is not None
        assert mark.contrast_after < 0.5 * mark.contrast_before
    kept = face.marks_kept[0]
    assert kept.contrast_after == pytest.approx(kept.contrast_before, rel=0.15)
    assert face.texture_retention is not None and 0.5 < face.texture_retention < 1.5
    assert face.tone_change["delta_e"] > 0
    assert {"read", "analyse", "load", "encode", "sample", "decode", "render", "write"} <= result.report.seconds.keys()
    assert result.report.skipped_faces[0]["reason"] == "Too small."


def test_the_outside_is_measured_on_the_pixels(tmp_path: Path) -> None:
    """A renderer that went wrong by one step far from the face would be found."""
    session = RetouchSession.open(portrait(tmp_path / "a.png"))
    session.analyse()
    session.propose(FakePolicy())
    pixels = session.render()
    pixels[3, 5, 1] ^= 1
    assert measure(session.photo, pixels, session.faces, session.layers()).outside_difference == 1


def test_pixels_outside_are_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoiled(self: RetouchSession, box: object = None) -> np.ndarray:
        pixels = self.photo.pixels.copy()
        pixels[0, 0] += 7
        return pixels

    monkeypatch.setattr(RetouchSession, "render", spoiled)
    with pytest.raises(ExportError, match="outside the faces would change by 7"):
        run(_request(portrait(tmp_path / "a.png"), tmp_path / "out"))
    assert _files(tmp_path / "out") == []


def test_mask_support_against_enlargement(tmp_path: Path) -> None:
    """The support holds every pixel that a linear enlargement of the mask reaches, and next to no other."""
    import cv2

    from engine.types import FaceGrid, RetouchLayers

    rng = np.random.default_rng(0)
    for shape, box in (((7, 5), (3, 2, 38, 45)), ((31, 29), (0, 0, 31, 17))):
        mask = (rng.random(shape) < 0.1).astype(np.float32)
        found, support = mask_support(RetouchLayers("f", FaceGrid(box, shape), 20.0, {}, None, mask), (50, 50))
        assert found == box
        size = (box[2] - box[0], box[3] - box[1])
        enlarged = cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR)
        assert not (enlarged > 0)[~support].any()
        assert (support & (enlarged == 0)).mean() < 0.05


def test_no_face_is_skipped_and_nothing_written(tmp_path: Path) -> None:
    result = run(_request(landscape(tmp_path / "hills.png"), tmp_path / "out", sidecar=True))
    assert result.status is Status.SKIPPED and result.code == "no_face"
    assert "hills.png" in result.reason and "Nothing was" in result.hint
    assert not (tmp_path / "out").exists() and _files(tmp_path) == ["hills.png"]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_result_that_is_there_is_kept(tmp_path: Path, suffix: str) -> None:
    photo = portrait(tmp_path / f"a{suffix}")
    old = tmp_path / "out" / f"a{suffix}"
    old.parent.mkdir()
    old.write_bytes(b"precious")
    result = run(_request(photo, tmp_path / "out"))
    assert result.status is Status.SKIPPED and "--overwrite" in result.hint
    assert old.read_bytes() == b"precious"
    assert run(_request(photo, tmp_path / "out", overwrite=True)).status is Status.DONE
    assert old.read_bytes() != b"precious"


def test_an_input_is_never_replaced(tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    other = portrait(tmp_path / "out" / "a.png", seed=1)
    before = other.read_bytes()
    with pytest.raises(ExportError):
        run(_request(photo, tmp_path / "out", overwrite=True, inputs=frozenset({photo, other})))
    with pytest.raises(ExportError):
        run(_request(photo, tmp_path, overwrite=True))
    assert other.read_bytes() == before


def test_the_sidecar_carries_on(tmp_path: Path) -> None:
    """A second run takes everything from the sidecar; what it is told wins."""
    photo = portrait(tmp_path / "a.png")
    first = run(
        _request(photo, tmp_path / "1", sidecar=True, seed=11, strengths={"tone": 90}, sampler=SamplerSettings("ode"))
    )
    assert first.sidecar == sidecar.beside(photo)
    second = run(_request(photo, tmp_path / "2", sidecar=True, policy=None))
    pixels = [np.asarray(Image.open(tmp_path / name / "a.png")) for name in ("1", "2")]
    np.testing.assert_array_equal(*pixels)
    assert second.report is not None and second.report.proposal["seed"] == 11
    third = run(_request(photo, tmp_path / "3", sidecar=True, policy=None, strengths={"heal": 0}))
    assert third.report is not None and third.report.faces[0].marks_removed == ()
    assert third.report.faces[0].strengths == {**DEFAULT_STRENGTHS, "tone": 90, "heal": 0, "amount": 50}
    fourth = run(_request(photo, tmp_path / "4", sidecar=True, policy=None, seed=12))
    assert fourth.report is not None
    assert fourth.report.proposal["seed"] == 12 and fourth.report.proposal["sampler"]["kind"] == "ode"


def test_decisions_survive_a_new_seed(tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    session = RetouchSession.open(photo)
    session.analyse()
    session.propose(FakePolicy())
    session.take_edits({"face-1": FaceEdits(decisions={"m2": Decision.REMOVE})})
    session.save_sidecar()
    result = run(_request(photo, tmp_path / "out", sidecar=True, seed=2))
    assert result.report is not None
    assert [(m.id, m.decided_by) for m in result.report.faces[0].marks_removed] == [
        ("m0", "policy"),
        ("m1", "policy"),
        ("m2", "person"),
    ]


def test_edits_are_kept_when_the_picture_cannot_be_written(tmp_path: Path) -> None:
    photo = portrait(tmp_path / "a.png")
    (tmp_path / "out").write_bytes(b"a file in the way")
    with pytest.raises(ExportError, match="output folder out cannot be made"):
        run(_request(photo, tmp_path / "out", sidecar=True, seed=4))
    saved = sidecar.load(photo)
    assert saved is not None and saved.proposal is not None and saved.proposal.seed == 4


def test_a_newer_sidecar_fails_and_stays(tmp_path: Path) -> None:
    from engine.errors import SidecarError

    photo = portrait(tmp_path / "a.png")
    sidecar.beside(photo).write_text('{"version": 99}')
    with pytest.raises(SidecarError, match="newer"):
        run(_request(photo, tmp_path / "out", sidecar=True))
    assert sidecar.beside(photo).read_text() == '{"version": 99}'
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_batch_goes_on_and_its_counts_add_up(tmp_path: Path, jobs: int) -> None:
    photos = [portrait(tmp_path / f"{n}.png", seed=n) for n in range(3)]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no more")
    photos[1:1] = [broken, tmp_path / "gone.png", landscape(tmp_path / "hills.png")]
    finished: list[int] = []
    results = run_batch(
        [_request(photo, tmp_path / "out") for photo in photos],
        finished=lambda index, _result: finished.append(index),
        jobs=jobs,
    )
    assert [result.source for result in results] == photos
    assert sorted(finished) == list(range(6))
    assert count(results) == {"total": 6, "done": 3, "skipped": 1, "failed": 2, "cancelled": 0}
    assert _files(tmp_path / "out") == ["0.png", "1.png", "2.png"]
    for result in results:
        if result.status is not Status.DONE:
            assert result.source.name in result.reason and result.hint and result.code


def test_jobs_do_not_change_pixels(tmp_path: Path) -> None:
    photos = [portrait(tmp_path / f"{n}.png", seed=n) for n in range(4)]
    for jobs in (1, 4):
        run_batch([_request(photo, tmp_path / str(jobs), seed=1) for photo in photos], jobs=jobs)
    for photo in photos:
        assert (tmp_path / "1" / photo.name).read_bytes() == (tmp_path / "4" / photo.name).read_bytes()


@pytest.mark.parametrize("jobs", [1, 2])
def test_cancelling_leaves_whole_files_only(tmp_path: Path, jobs: int) -> None:
    photos = [portrait(tmp_path / f"{n}.png", seed=n) for n in range(5)]
    token = CancelToken()

    def stop(index: int, progress: Progress) -> None:
        if index == 2 and progress.stage == "render":
            token.cancel()

    results = run_batch([_request(photo, tmp_path / "out") for photo in photos], token, stop, jobs=jobs)
    counts = count(results)
    assert counts["cancelled"] >= 1 and counts["done"] + counts["cancelled"] == counts["total"] == 5
    assert results[2].status is Status.CANCELLED
    done = sorted(result.source.name for result in results if result.status is Status.DONE)
    assert _files(tmp_path / "out") == done
    for name in done:
        Image.open(tmp_path / "out" / name).load()


def test_one_photo_is_cancelled_by_raising(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        run(_request(portrait(tmp_path / "a.png"), tmp_path / "out"), token)


def test_the_policy_is_loaded_once_and_used_by_one_photo_at_a_time(tmp_path: Path) -> None:
    loads: list[str] = []
    inside = threading.Semaphore(1)

    class Alone(FakePolicy):
        def velocity(self, *args: object) -> object:  # type: ignore[override]
            assert inside.acquire(blocking=False)
            try:
                return super().velocity(*args)  # type: ignore[arg-type]
            finally:
                inside.release()

    def load(name: str, **_: object) -> FakePolicy:
        loads.append(name)
        return Alone()

    photos = [portrait(tmp_path / f"{n}.png", seed=n) for n in range(4)]
    results = run_batch([_request(p, tmp_path / "out") for p in photos], jobs=4, policies=PolicyPool(load))
    assert loads == ["fake"]
    assert count(results)["done"] == 4


@pytest.mark.parametrize("error", [ModelMissingError("Weights are missing.", "Get."), ModelCorruptError("Bad.", "Do.")])
def test_missing_or_corrupt_weights_fail_every_photo_with_the_reason(tmp_path: Path, error: Exception) -> None:
    def load(name: str, **_: object) -> FakePolicy:
        raise error

    photos = [portrait(tmp_path / f"{n}.png", seed=n) for n in range(2)] + [landscape(tmp_path / "l.png")]
    results = run_batch([_request(p, tmp_path / "out") for p in photos], policies=PolicyPool(load))
    assert [result.status.value for result in results] == ["failed", "failed", "skipped"]
    assert {result.reason for result in results[:2]} == {error.message}  # type: ignore[attr-defined]
    assert not (tmp_path / "out").exists()


def test_weights_that_compute_nan(tmp_path: Path) -> None:
    class Broken(FakePolicy):
        def velocity(self, *args: object) -> object:  # type: ignore[override]
            return super().velocity(*args) * float("nan")  # type: ignore[arg-type]

    (result,) = run_batch(
        [_request(portrait(tmp_path / "a.png"), tmp_path / "out")], policies=PolicyPool(lambda name, **_: Broken())
    )
    assert (result.status, result.code) == (Status.FAILED, "model_corrupt")
    assert not (tmp_path / "out").exists()


@pytest.mark.allow_warnings_in_log
def test_an_unexpected_error_fails_one_photo_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = RetouchSession.open

    def open_(path: Path) -> RetouchSession:
        if path.name == "0.png":
            raise ZeroDivisionError("surprise")
        if path.name == "1.png":
            raise MemoryError
        return opened(path)

    monkeypatch.setattr(RetouchSession, "open", open_)
    photos = [portrait(tmp_path / f"{n}.png", seed=n) for n in range(3)]
    results = run_batch([_request(photo, tmp_path / "out") for photo in photos])
    assert [result.code for result in results] == ["bug", "device", ""]
    assert "ZeroDivisionError: surprise" in results[0].reason
    assert "not enough memory for 1.png" in results[1].reason


def test_the_report_file(tmp_path: Path) -> None:
    results = run_batch([_request(portrait(tmp_path / "a.png"), tmp_path / "out"), _request(tmp_path / "b", tmp_path)])
    write_report(tmp_path / "deep" / "report.json", [result.as_json() for result in results], count(results))
    data = json.loads((tmp_path / "deep" / "report.json").read_text(encoding="utf-8"))
    assert data["counts"] == {"total": 2, "done": 1, "skipped": 0, "failed": 1, "cancelled": 0}
    assert data["versions"]["torch"] and data["versions"]["porelight"]
    done, failed = data["photos"]
    assert done["outside_difference"] == 0 and done["faces"][0]["box"] and done["device"] == "cpu"
    assert done["proposal"]["sampler"]["steps"] == 8
    assert failed["code"] == "read" and "b" in failed["reason"]


def test_a_file_name_that_is_no_text_still_gets_a_report(tmp_path: Path) -> None:
    result = RetouchResult(Path("b\udcff.jpg"), Status.FAILED, "b\udcff.jpg is empty.")
    write_report(tmp_path / "r.json", [result.as_json()], count([result]))
    assert "b\\\\udcff.jpg" in (tmp_path / "r.json").read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match=r"r\.json cannot be written"):
        write_report(tmp_path / "file" / "r.json", [], {})


def test_reading_fails_with_the_readers_error(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r"gone\.png"):
        run(_request(tmp_path / "gone.png", tmp_path / "out"))


def test_default_policy_is_the_shipped_one() -> None:
    from engine.policies.registry import DEFAULT, POLICIES

    assert POLICIES[0].name == DEFAULT == pipeline.policy_name(RetouchRequest(Path("a.jpg")), None)
    assert POLICIES[0].shipped
