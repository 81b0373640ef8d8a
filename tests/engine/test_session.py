"""RetouchSession: the same edits give the same pixels, variations keep to their anchor, nothing is drawn twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import sidecar
from engine.errors import NoFaceError, SidecarError, UsageError
from engine.jobs import CancelToken, Progress
from engine.proposal import Drawer, ProposalSpec, SamplerSettings
from engine.session import RetouchSession
from engine.types import Decision, FaceEdits, Strengths
from tests.helpers import fake_policy
from tests.helpers.fake_policy import MEAN, SPREAD, FakePolicy, landscape, portrait


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_policy.install(monkeypatch, tmp_path / "home")


@pytest.fixture(params=[8, 16])
def photo(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return portrait(tmp_path / ("a.png" if request.param == 8 else "a.tif"), depth=request.param)


def _proposed(path: Path, policy: FakePolicy | None = None, **options: object) -> RetouchSession:
    session = RetouchSession.open(path)
    session.analyse()
    session.propose(policy or FakePolicy(), **options)  # type: ignore[arg-type]
    return session


def _reopened(path: Path) -> tuple[RetouchSession, sidecar.Sidecar]:
    """The photo again, as its sidecar says."""
    again, saved = RetouchSession.open(path), sidecar.load(path)
    assert saved is not None
    again.restore(saved, FakePolicy())
    return again, saved


def test_from_file_to_pixels(photo: Path) -> None:
    session = _proposed(photo, seed=1)
    pixels = session.render()
    assert pixels.dtype == session.photo.pixels.dtype and pixels.shape == session.photo.pixels.shape
    changed = (pixels != session.photo.pixels).any(axis=2)
    assert 0.02 < changed.mean() < 0.5
    assert {"read", "analyse", "encode", "sample", "decode", "render"} <= session.seconds.keys()


def test_the_same_sidecar_renders_the_same_pixels(photo: Path) -> None:
    """With a varied proposal, so that the anchor is drawn again too."""
    policy = FakePolicy()
    session = _proposed(photo, policy, seed=7)
    session.adopt(list(session.vary(policy, 2, 0.4))[1])
    session.set_strengths(Strengths({"tone": 80, "heal": 30}, 60))
    strengths = session.edits["face-1"].strengths
    session.take_edits({"face-1": FaceEdits(strengths, {"m2": Decision.REMOVE, "m0": Decision.KEEP})})
    wanted = session.render()
    session.save_sidecar()

    again, saved = _reopened(photo)
    np.testing.assert_array_equal(again.render(), wanted)
    assert again.edits == session.edits
    assert again.notes == session.notes
    assert again.to_sidecar().model_copy(update={"saved": saved.saved}) == saved


def test_a_face_that_is_off_stays_off(photo: Path) -> None:
    session = _proposed(photo)
    session.take_edits({"face-1": FaceEdits(enabled=False)})
    np.testing.assert_array_equal(session.render(), session.photo.pixels)
    session.save_sidecar()
    again, _ = _reopened(photo)
    np.testing.assert_array_equal(again.render(), again.photo.pixels)


def test_a_face_in_doubt_is_off_until_it_is_turned_on(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def doubtful(*args: object, **options: object) -> object:
        faces, skipped = fake_policy.fake_analyse(*args, **options)  # type: ignore[arg-type]
        return tuple(replace(face, doubt="It is a print.") for face in faces), skipped

    monkeypatch.setattr("engine.faces.analysis.analyse", doubtful)
    session = _proposed(photo)
    np.testing.assert_array_equal(session.render(), session.photo.pixels)
    session.take_edits({"face-1": FaceEdits(enabled=True)})
    turned_on = session.render()
    assert (turned_on != session.photo.pixels).any()
    session.save_sidecar()
    again, _ = _reopened(photo)
    np.testing.assert_array_equal(again.render(), turned_on)


def test_seeds_decide(photo: Path) -> None:
    first, same, other = (_proposed(photo, seed=seed).render() for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_a_mark_decision_changes_that_mark_only(photo: Path) -> None:
    session = _proposed(photo)
    before = session.render()
    mark = session.layers()[0][0].marks[2]
    session.take_edits({"face-1": FaceEdits(decisions={mark.id: Decision.REMOVE})})
    ys, xs = np.nonzero((session.render() != before).any(axis=2))
    assert len(ys) > 4
    assert np.hypot(xs + 0.5 - mark.centre[0], ys + 0.5 - mark.centre[1]).max() <= 2 * mark.radius + 2


def test_photo_without_a_face(tmp_path: Path) -> None:
    session = RetouchSession.open(landscape(tmp_path / "hills.png"))
    session.analyse()
    with pytest.raises(NoFaceError, match=r"hills\.png shows no face"):
        session.propose(FakePolicy())


def test_proposing_before_analysing_or_rendering_before_proposing(photo: Path) -> None:
    session = RetouchSession.open(photo)
    with pytest.raises(NoFaceError):
        session.propose(FakePolicy())
    session.analyse()
    with pytest.raises(UsageError, match="no proposal"):
        session.render()


def test_cancelled_proposal_leaves_the_old_one(photo: Path) -> None:
    from engine.errors import Cancelled

    session = _proposed(photo)
    before = session.proposal
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.fraction > 0.4:
            token.cancel()

    with pytest.raises(Cancelled):
        session.propose(FakePolicy(), seed=9, token=token, report=stop)
    assert session.proposal is before


def test_sidecar_of_another_photo(photo: Path, tmp_path: Path) -> None:
    session = _proposed(photo)
    saved = session.to_sidecar()
    other = saved.model_copy(update={"photo": saved.photo.model_copy(update={"width": 999})})
    with pytest.raises(SidecarError, match="999"):
        session.restore(other, FakePolicy())


def test_differences_are_noted(photo: Path) -> None:
    saved = _proposed(photo).to_sidecar()
    changed = saved.model_copy(update={"photo": saved.photo.model_copy(update={"sha256": "0" * 64})})
    again = RetouchSession.open(photo)
    again.restore(changed, FakePolicy(version="2"))
    assert len(again.notes) == len(again.photo.notes) + 2
    assert "has changed" in again.notes[-2] and "policy fake 1, drawn with fake 2" in again.notes[-1]


def test_a_sidecar_says_who_really_drew_it(photo: Path) -> None:
    """Edits of another policy are taken up, but the pixels are this policy's, and so says the next sidecar."""
    session = _proposed(photo)
    session.adopt(next(session.vary(FakePolicy(), 1)))
    saved = session.to_sidecar()
    assert saved.proposal is not None and saved.proposal.anchor is not None
    foreign = replace(saved.proposal, policy="kontext", anchor=replace(saved.proposal.anchor, policy="kontext"))
    foreign = replace(foreign, sampler=replace(foreign.sampler, steps=28, shift=3.0))
    again = RetouchSession.open(photo)
    again.restore(saved.model_copy(update={"proposal": foreign}), FakePolicy())
    assert again.proposal is not None and again.proposal.spec == saved.proposal
    assert "policy kontext" in again.notes[-1]


def test_encoding_and_anchor_happen_once(photo: Path) -> None:
    policy = FakePolicy()
    session = _proposed(photo, policy, sampler=SamplerSettings("ode"))
    assert (policy.encoded, policy.velocities) == (1, 8)
    assert len(list(session.vary(policy, 3))) == 3
    assert (policy.encoded, policy.velocities) == (1, 8 * 4)


def test_variations_differ_and_can_be_drawn_again(photo: Path) -> None:
    policy = FakePolicy()
    session = _proposed(photo, policy)
    varied = list(session.vary(policy, 3))
    pictures = [session.adopt(proposal) and session.render() for proposal in varied]
    assert len({picture.tobytes() for picture in pictures}) == 3
    fresh = _proposed(photo)
    fresh.adopt(fresh.draw(FakePolicy(), varied[1].spec))
    np.testing.assert_array_equal(fresh.render(), pictures[1])


def _spread(exploration: float) -> float:
    """Root mean square distance of variations from their anchor, in the latent."""
    policy = FakePolicy()
    settings = SamplerSettings("dpg").resolved(policy.info)
    drawer = Drawer(policy, policy.encode(None, None))  # type: ignore[arg-type]
    base = ProposalSpec("fake", "1", 0, settings)
    specs = [replace(base, seed=seed, exploration=exploration, anchor=base) for seed in range(1, 60)]
    distances = [float((drawer.latent(spec) - drawer.latent(base)).norm()) for spec in specs]
    return float(np.sqrt(np.mean(np.square(distances))))


def test_variations_leave_their_anchor_with_exploration() -> None:
    """From the anchor itself on; the fake policy's narrow distribution is reached before 1."""
    none, tenth, quarter, half, far = (_spread(exploration) for exploration in (0.0, 0.1, 0.25, 0.5, 1.0))
    assert none == 0 < tenth < quarter < half < far
    assert quarter == pytest.approx(2.5 * tenth, rel=0.25)


def test_ode_samples_follow_the_flow() -> None:
    """Proposals are draws of the policy's own distribution N(MEAN, SPREAD²), not of something the session made up."""
    policy = FakePolicy()
    drawer = Drawer(policy, policy.encode(None, None))  # type: ignore[arg-type]
    settings = SamplerSettings("ode", steps=64).resolved(policy.info)
    latents = torch.cat([drawer.latent(ProposalSpec("fake", "1", seed, settings)) for seed in range(250)])
    assert abs(float(latents.mean()) - MEAN) < 0.03
    assert abs(float(latents.std()) - SPREAD) < 0.03


def _latent(policy: FakePolicy, seed: int, exploration: float) -> np.ndarray:
    spec = ProposalSpec("fake", "1", seed, SamplerSettings("ode", steps=64).resolved(policy.info), "", exploration)
    return Drawer(policy, policy.encode(None, None)).latent(spec).numpy()  # type: ignore[arg-type]


def test_the_typical_retouch_is_the_middle_of_the_flow() -> None:
    """The flow of a Gaussian is linear, so the samples of a noise and of its reverse lie around the mean exactly."""
    assert _latent(FakePolicy(typical=2), 5, 0.0) == pytest.approx(MEAN, abs=0.02)
    far = np.abs(_latent(FakePolicy(typical=2), 5, 1.0) - MEAN)
    assert np.abs(_latent(FakePolicy(typical=2), 5, 0.1) - MEAN).mean() < 0.6 * far.mean()


def test_a_policy_of_pictures_has_the_sample_of_its_seed_as_the_typical_retouch() -> None:
    """A mean of pictures is a blurred one."""
    np.testing.assert_array_equal(_latent(FakePolicy(), 5, 0.0), _latent(FakePolicy(), 5, 1.0))


def test_a_proposal_is_the_typical_retouch_or_a_sample(photo: Path) -> None:
    typical, sampled = _proposed(photo, FakePolicy(typical=8)), _proposed(photo, FakePolicy(typical=8), seed=0)
    assert typical.proposal is not None and sampled.proposal is not None
    assert (typical.proposal.spec.exploration, sampled.proposal.spec.exploration) == (0.0, 1.0)
    assert (typical.render() != sampled.render()).any()
    typical.save_sidecar()
    saved = sidecar.load(photo)
    assert saved is not None and saved.proposal == typical.proposal.spec


@pytest.mark.parametrize("exploration", [-0.1, 1.1])
def test_exploration_outside_its_range(photo: Path, exploration: float) -> None:
    session = _proposed(photo)
    with pytest.raises(UsageError, match="0–1"):
        list(session.vary(FakePolicy(), 1, exploration))


def test_sampler_settings_without_meaning() -> None:
    with pytest.raises(UsageError, match="Unknown sampler"):
        SamplerSettings("magic")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="sampler"):
        SamplerSettings("dpg", steps=1, shift=1.0).config()


def test_a_sidecar_written_elsewhere_meanwhile_is_kept(tmp_path: Path) -> None:
    """Two programs edit one photo: the later one's edits count, the other's stay under another name."""
    photo = portrait(tmp_path / "a.png")
    first, second = _proposed(photo), _proposed(photo)
    first.set_strengths(Strengths({"tone": 10}))
    first.save_sidecar()
    theirs = sidecar.beside(photo).read_bytes()
    second.set_strengths(Strengths({"tone": 90}))
    second.save_sidecar()
    assert [path.name for path in tmp_path.glob("a.png.*")] and (tmp_path / "a.png.porelight.json.other-1").exists()
    assert (tmp_path / "a.png.porelight.json.other-1").read_bytes() == theirs
    assert any("other-1" in note for note in second.notes)
    second.save_sidecar()  # its own is no other's
    assert not (tmp_path / "a.png.porelight.json.other-2").exists()
    saved = sidecar.load(photo)
    assert saved is not None and saved.faces[0].strengths["tone"] == 90
