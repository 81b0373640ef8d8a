"""`porelight train policy` on painted faces with the shipped policy, to a proved version; and bad input."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.policies import registry, versions
from tests.cli.conftest import Run
from tests.helpers import fake_policy, tiny_dinov2
from tests.helpers.fake_policy import portrait
from tests.helpers.picks import candidate, pick
from trainer.events import by_step, read
from trainer.picks.store import PickStore, with_features, with_files
from trainer.reward.encoder import Look
from trainer.reward.features import NAMES, UNCHANGED, VERSION
from trainer.reward.files import load_reward, save_reward
from trainer.reward.model import Head, Reward
from trainer.reward.prior import HEADS, shipped
from trainer.runs import Run as RunFolder
from trainer.runs import locked

SETTINGS = "iterations = 4\nfaces = 3\ngroup = 6\nevaluate_every = 2\nheld_out = 0.4\nlearning_rate = 1e-3\n"


@pytest.fixture
def studio(tmp_path, monkeypatch):
    """Photos, a reward that likes even skin, settings; faces are the painted ones."""
    fake_policy.install(monkeypatch, tmp_path / "home")
    for number in range(5):
        portrait(tmp_path / "photos" / f"p{number}.png", seed=number)
    weights = np.zeros(len(NAMES))
    weights[[NAMES.index("blotch_retention"), NAMES.index("colour_retention")]] = -3.0
    sure = Head(weights, np.eye(len(NAMES)) * 1e-6, -1.5)
    none = replace(sure, mean=np.zeros(len(NAMES)))
    heads = {name: sure if name == "overall" else none for name in HEADS}
    reward = Reward(shipped(), heads, 40, UNCHANGED)
    save_reward(reward, tmp_path / "reward", config={}, sources={}, report={})
    (tmp_path / "c.toml").write_text(SETTINGS)
    return tmp_path


def arguments(studio, out="run", *more):
    return (
        "train", "policy", "--reward", studio / "reward", "--photos", studio / "photos",
        "--config", studio / "c.toml", "--out", studio / out, *more,
    )  # fmt: skip


def test_from_a_reward_to_an_active_policy_that_retouches(studio, porelight: Run) -> None:
    done = porelight(*arguments(studio, "run", "--name", "even", "--activate", "--json"))
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["status"] == "done" and result["policy"] == "even" and result["activated"]
    assert result["proof"]["wins"] and result["proof"]["interval"][0] > 0.5
    assert versions.active() == "even"
    run = RunFolder.open(studio / "run", "policy")
    events = run.events()
    assert list(by_step(events, "evaluation")) == [0, 2, 4]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert {"loading", "faces", "started", "samples", "update", "evaluation", "pictures", "finished"} <= {
        event.kind for event in events
    }
    page = (studio / "run" / "report.html").read_text()
    assert "It wins." in page and "data:image/png;base64," in page and page.count("<svg") >= 6
    assert not re.search(r"(src|href)=\"?(http|/|file:)", page)
    photo = studio / "photos" / "p0.png"
    for policy in ("even", "compact"):
        out = porelight("retouch", photo, "--out", studio / policy, "--policy", policy, "--sampler", "ode")
        assert out.exit_code == 0, out.output
    pictures = [(studio / policy / "p0.png").read_bytes() for policy in ("even", "compact")]
    assert pictures[0] != pictures[1]
    again = porelight("train", "policy", "--out", studio / "run", "--resume")
    assert again.exit_code == 1 and "finished already" in again.stderr


def test_from_picks_alone(studio, porelight: Run) -> None:
    """The reward is fitted into the run, to the store, and the photos are those of the picks."""
    photos = sorted((studio / "photos").iterdir())[:2]
    with PickStore.open(studio / "picks.sqlite", create=True) as store:
        for path in photos:
            photo = hashlib.sha256(path.read_bytes()).hexdigest()
            pair = [candidate(path.stem, seed).model_copy(update={"photo": photo}) for seed in (0, 1)]
            with_files(store, {photo: path})
            store.append(*pair, pick(*pair))
            for each, value in zip(pair, (0.6, 0.9), strict=True):
                values = np.where(np.array(NAMES) == "blotch_retention", value, 0).astype(np.float32)
                with_features(store, VERSION, NAMES, {each.id: values})
    (studio / "c.toml").write_text("iterations = 1\nfaces = 1\ngroup = 2\n")
    line = ("train", "policy", "--config", studio / "c.toml", "--picks", studio / "picks.sqlite")
    both = porelight(*line, "--reward", studio / "reward", "--out", studio / "run")
    assert both.exit_code == 2 and "not both" in both.stderr
    done = porelight(*line, "--out", studio / "run")
    assert done.exit_code == 0, done.output
    run = RunFolder.open(studio / "run", "policy")
    assert run.manifest.sources["photos"] == [str(path) for path in photos]
    assert load_reward(studio / "run" / "reward").picks == 2
    told = {event.kind: event.data for event in run.events()}
    assert told["reward"]["picks"] == 2 and told["loading"]["picks"] == 2
    fractions = [event.data["fraction"] for event in run.events() if event.kind == "progress"]
    assert fractions == sorted(fractions) and fractions[-1] == 0.92
    with PickStore.open(studio / "none.sqlite", create=True):
        pass
    empty = porelight(*line[:-1], studio / "none.sqlite", "--out", studio / "empty")
    assert empty.exit_code == 1 and "holds no pick that counts" in empty.stderr
    assert read(studio / "empty" / "events.jsonl")[-1].kind == "failed"


def seeing(studio) -> tuple[object, ...]:
    """Arguments of a short training from picks of two photos, through an encoder that lies in `studio`."""
    encoder = tiny_dinov2.save(studio / "encoder")
    with PickStore.open(studio / "picks.sqlite", create=True) as store:
        for path in sorted((studio / "photos").iterdir())[:2]:
            photo = hashlib.sha256(path.read_bytes()).hexdigest()
            pair = [candidate(path.stem, seed).model_copy(update={"photo": photo}) for seed in (0, 1)]
            with_files(store, {photo: path})
            store.append(*pair, pick(*pair))
            values = np.random.default_rng(1).normal(0, 0.1, len(NAMES))
            with_features(store, VERSION, NAMES, {pair[0].id: values, pair[1].id: -values})
    (studio / "c.toml").write_text("iterations = 2\nfaces = 1\ngroup = 3\nevaluate_every = 1\nlearning_rate = 3e-3\n")
    return "train", "policy", "--config", studio / "c.toml", "--picks", studio / "picks.sqlite", "--encoder", encoder


def test_through_an_encoder(studio, porelight: Run) -> None:
    """Its samples are looked at too, the same in every run; a reward that was fitted is not given another one."""
    line, encoder = seeing(studio), studio / "encoder"
    seen, measure = [], Look.measure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Look, "measure", lambda self, after: seen.append(measure(self, after)) or seen[-1])
        first = porelight(*line, "--out", studio / "one")
    assert first.exit_code == 0, first.output
    assert len(seen) >= 8 and np.isfinite(seen).all() and np.any(seen)
    assert porelight(*line, "--out", studio / "two").exit_code == 0
    ends = [RunFolder.open(studio / name, "policy").load_checkpoint() for name in ("one", "two")]
    assert ends[0][1] == ends[1][1]  # type: ignore[index]
    told = {event.kind: event.data for event in RunFolder.open(studio / "one", "policy").events()}
    title = told["reward"]["encoder"]["title"]
    assert told["loading"]["encoder"] == title and title in (studio / "one" / "report.html").read_text()
    again = porelight(*arguments(studio, "x", "--encoder", encoder))
    assert again.exit_code == 2 and "looks through the encoder that it was trained with" in again.stderr
    encoder.rename(studio / "moved")
    other = porelight(*arguments(studio, "y")[:3], studio / "one" / "reward", *arguments(studio, "y")[4:])
    assert other.exit_code == 1 and "which is not here" in other.stderr


def test_stopped_and_resumed_it_makes_the_same_policy(studio, porelight: Run) -> None:
    whole = json.loads(porelight(*arguments(studio, "whole", "--json")).stdout)
    run = studio / "parts"

    import trainer.grpo.loop as loop

    original = loop.Training._learn
    asked = []

    def learn(self, groups):
        original(self, groups)
        if self.state.iteration == 2 and not asked:
            asked.append(True)
            self.run.control.request("stop")

    loop.Training._learn = learn  # type: ignore[method-assign]
    try:
        stopped = porelight(*arguments(studio, "parts"))
        assert stopped.exit_code == 130 and "--resume" in stopped.stderr
        resumed = porelight("train", "policy", "--out", run, "--resume", "--json")
    finally:
        loop.Training._learn = original  # type: ignore[method-assign]
    assert resumed.exit_code == 0, resumed.output
    assert json.loads(resumed.stdout)["version"] == whole["version"]


KILLED = """
import os, sys
from pathlib import Path
import pytest
from app.main import cli
from tests.helpers import fake_policy
from trainer.events import EventLog
fake_policy.install(pytest.MonkeyPatch(), Path(sys.argv[1]))
write = EventLog.write
def killing(self, kind, **data):
    if kind == "update" and data["step"] == 2:
        os.kill(os.getpid(), 9)
    return write(self, kind, **data)
EventLog.write = killing
cli(sys.argv[2:])
"""


@pytest.mark.parametrize("through", ["reward", "encoder"])
def test_killed_and_resumed_it_makes_the_same_policy(studio, porelight: Run, through: str) -> None:
    for number in (2, 3, 4):
        (studio / "photos" / f"p{number}.png").unlink()
    (studio / "c.toml").write_text("iterations = 2\nfaces = 1\ngroup = 3\nevaluate_every = 1\nlearning_rate = 3e-3\n")
    line = seeing(studio) if through == "encoder" else arguments(studio)[:-2]
    root = Path(__file__).parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, studio / "home", *map(str, (*line, "--out", studio / "parts"))],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert killed.returncode == -9
    assert RunFolder.open(studio / "parts", "policy").load_checkpoint()[0]["step"] == 1  # type: ignore[index]
    whole = json.loads(porelight(*line, "--out", studio / "whole", "--json").stdout)
    resumed = porelight("train", "policy", "--out", studio / "parts", "--resume", "--json")
    ends = [RunFolder.open(studio / name, "policy").load_checkpoint() for name in ("whole", "parts")]
    assert ends[0][1] == ends[1][1] and ends[0][0]["step"] == 2  # type: ignore[index]
    assert json.loads(resumed.stdout)["version"] == whole["version"]


def test_what_cannot_be_trained_is_said(studio, porelight: Run) -> None:
    assert porelight("train", "policy", "--out", studio / "x").exit_code == 2
    assert porelight("train", "policy", "--out", studio / "x", "--resume").exit_code == 1
    assert porelight(*arguments(studio, "x", "--mode", "ppo")).exit_code == 2
    (studio / "c.toml").write_text("speed = 9")
    unknown = porelight(*arguments(studio))
    assert unknown.exit_code == 2 and "no setting 'speed'" in unknown.stderr
    for text in ("eta = 1.5", "steps = 2", "segments = 40", "mode = 'sde'\nsteps = 1"):
        (studio / "c.toml").write_text(text)
        refused = porelight(*arguments(studio, "x"))
        assert refused.exit_code == 2 and "do not go together" in refused.stderr
    assert not (studio / "x").exists()
    nowhere = ("--picks", studio / "none.sqlite", "--photos", studio / "nowhere")
    refused = porelight("train", "policy", "--out", studio / "x", *nowhere)
    assert refused.exit_code == 2 and "no photo or folder" in refused.stderr, "before a reward is fitted"
    (studio / "c.toml").write_text(SETTINGS)
    assert porelight(*arguments(studio, "x", "--name", "compact")).exit_code == 2
    shown = porelight("train", "policy", "--out", studio / "x", "--mode", "nft", "--show-config")
    assert 'mode = "nft"' in shown.stdout and "#" in shown.stdout


def test_runs_in_use_photos_gone_and_changed_rewards_are_said(studio, porelight: Run, monkeypatch) -> None:
    import trainer.grpo.loop as loop

    def break_off(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.Training, "train", break_off)
        broken_off = porelight(*arguments(studio))
        assert broken_off.exit_code == 130 and "--resume" in broken_off.stderr
    resume = ("train", "policy", "--out", studio / "run", "--resume")
    existing = porelight(*arguments(studio))
    assert existing.exit_code == 1 and "holds a run already" in existing.stderr and "--resume" in existing.stderr
    with locked(studio / "run"):
        assert "Another training is at work" in porelight(*resume).stderr
    (studio / "photos" / "p1.png").rename(studio / "p1.png")
    assert "1 of 5 photos of this run are gone: p1.png" in porelight(*resume).stderr
    portrait(studio / "photos" / "p1.png", seed=77)
    assert "photos of run have changed" in porelight(*resume).stderr
    reward = studio / "reward" / "reward.safetensors"
    data = bytearray(reward.read_bytes())
    data[-8:] = np.float64(5.0).tobytes()
    reward.write_bytes(data)
    assert "reward of run has changed" in porelight(*resume).stderr
    assert registry.load_policy("compact", device="cpu").info.name == "compact"


def test_review_is_made_answered_and_counted(studio, porelight: Run) -> None:
    assert json.loads(porelight(*arguments(studio, "run", "--name", "even", "--json")).stdout)["policy"] == "even"
    out = ("review", "--out", studio / "review")
    made = porelight(*out, studio / "photos", "--policy", "even", "--against", "compact")
    assert made.exit_code == 0 and "6 pairs" in made.stdout, made.output
    assert "None of 5 pairs" in porelight(*out).stdout
    found = json.loads(porelight(*out, "--answer", "1=A", "--answer", "002=tie", "--json").stdout)
    assert found["answered"] == 2 and found["ties"] == 1 and found["policy"].startswith("even ")
    assert porelight(*out, "--answer", "1=C").exit_code == 1
