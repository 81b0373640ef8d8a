"""The loop on flows in closed form: it finds what is liked, stops where it must, and resumes to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.toy_policy import SKIN, Likes, LovesNoise, ToyFace, ToyPolicy
from trainer.events import EventLog, by_step
from trainer.grpo.config import GrpoConfig
from trainer.grpo.loop import Training
from trainer.grpo.state import TrainingError
from trainer.runs import EVENTS, Manifest, Run, RunError

FACES = [ToyFace(f"face-{n}") for n in range(3)]
MODES = ("dpg", "cps", "sde", "nft")


def config(mode="cps", **values):
    rates = {"dpg": 0.02, "cps": 0.02, "sde": 0.02, "nft": 0.02}
    data = {"iterations": 40, "faces": 4, "group": 12, "learning_rate": rates[mode], "kl": 0.0, "evaluate_every": 10}
    return GrpoConfig(mode=mode, **{**data, **values})


def start(folder: Path, settings: GrpoConfig, reward=None, policy=None, **options) -> Training:
    if not (folder / "manifest.json").exists():
        Run.create(folder, Manifest("policy", settings.plain()))
    run = Run.open(folder, "policy")
    return Training(policy or ToyPolicy(), FACES, reward or Likes(0.3, -0.8), settings, run, **options)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_finds_what_is_liked_and_leaves_the_rest(tmp_path, mode):
    """A bandit: the mean moves to the target; entries that nobody rewards or that may not be explored stay near 0."""
    training = start(tmp_path, config(mode, shared_noise=mode != "nft"))
    before = training._evaluate() or training.state.good.reward
    outcome = training.train()
    mean = training.policy.mean.detach().numpy()
    assert outcome.status == "done"
    assert outcome.good.reward > before + 0.4
    np.testing.assert_allclose(mean[:2], [0.3, -0.8], atol=0.3)
    assert np.abs(mean[SKIN:]).max() < 0.02


def test_the_reference_holds_the_policy_back(tmp_path):
    free, bound = (start(tmp_path / str(kl), config(kl=kl)) for kl in (0.0, 20.0))
    for each in (free, bound):
        each.train()
    distance = [float(each.policy.mean.detach().norm()) for each in (free, bound)]
    assert distance[1] < 0.5 * distance[0]


@pytest.mark.parametrize("mode", MODES)
def test_groups_that_hardly_differ_teach_nothing(tmp_path, mode):
    """Not even to stay near the policy that drew them, which DiffusionNFT's loss does where no sample is better."""
    training = start(tmp_path, config(mode, iterations=2, least_spread=10.0, preserve=0.0))
    with torch.no_grad():
        training.policy.mean += 0.5
    before = training.policy.weights()
    training.train()
    assert training.policy.weights() == before


def test_the_same_seed_gives_the_same_weights_and_another_one_others(tmp_path):
    runs = [start(tmp_path / name, config(iterations=6, seed=seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    for each in runs:
        each.train()
    weights = [each.policy.weights() for each in runs]
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.parametrize("mode", ["cps", "nft"])
def test_stopped_anywhere_it_goes_on_to_the_same_weights(tmp_path, mode):
    settings = config(mode, iterations=9, evaluate_every=4)
    whole = start(tmp_path / "whole", settings)
    whole.train()
    calls = 0

    def stopping():
        nonlocal calls
        calls += 1
        return calls % 11 == 0

    status, parts = "stopped", 0
    while status == "stopped":
        part = start(tmp_path / "parts", settings, stopping=stopping)
        outcome = part.train()
        status, parts = outcome.status, parts + 1
    assert parts > 3 and outcome.status == "done"
    assert part.policy.weights() == whole.policy.weights()
    assert outcome.good.weights == whole.state.good.weights


def test_a_picked_retouch_is_the_anchor_whatever_scores_better_and_guides_the_samples(tmp_path):
    """λ is greatest in the first of K segments; what is sampled lies nearer to the pick than without one."""
    picked = {0: torch.full((1, 6), 2.0)}
    settings = config("cps", iterations=1, faces=3)
    near = []
    for name, anchor in (("with", "pick"), ("without", "best")):
        training = start(tmp_path / name, replace(settings, anchor=anchor), picked=picked)
        training._evaluate()
        first = next(group for group in training._sample() if group.index == 0)
        near.append(float((first.latents[:, :SKIN] - 2.0).abs().mean()))
        kept = training.state.anchors[0]
        assert (kept[1] is None) == (anchor == "pick")
        training._save()
        again = start(tmp_path / name, replace(settings, anchor=anchor))
        again.state.load(again.run, again.policy)
        assert torch.equal(again.state.anchors[0][0], kept[0]) and again.state.anchors[0][1] == kept[1]
    assert near[0] < near[1]


KILLED = """
import os, sys
from pathlib import Path
from tests.trainer.grpo.test_loop import config, start
left = int(sys.argv[2])
def tell(kind, **data):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)
training = start(Path(sys.argv[1]), config(iterations=9, evaluate_every=2), tell=tell)
print(training.train().status, training.policy.weights().hex())
"""


def _run_killed(folder: Path, after: int) -> tuple[int, str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(after)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment, "PYTHONPATH": str(root)},
    )
    return done.returncode, done.stdout


def test_killed_and_resumed_it_ends_with_the_same_weights(tmp_path):
    whole = start(tmp_path / "whole", config(iterations=9, evaluate_every=2))
    whole.train()
    code, _ = _run_killed(tmp_path / "killed", 12)
    assert code == -9
    code, out = _run_killed(tmp_path / "killed", 10**6)
    assert (code, out.split()) == (0, ["done", whole.policy.weights().hex()])


TWO = """
import sys
from pathlib import Path
import numpy as np
from tests.trainer.grpo.test_loop import config, start
from trainer.grpo.workers import workers
them = workers("cpu")
folder = Path(sys.argv[1])
training = start(folder / str(them.rank), config(iterations=6, evaluate_every=2), workers=them)
training.train()
np.save(folder / f"{them.rank} of {them.count}.npy", training.policy.mean.detach().numpy())
"""


def test_two_processes_give_what_one_gives(tmp_path):
    """Equal up to the order in which gradients are added."""
    pytest.importorskip("accelerate")
    one = start(tmp_path / "one", config(iterations=6, evaluate_every=2))
    one.train()
    script = tmp_path / "two.py"
    script.write_text(TWO)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node",
            "2",
            str(script),
            str(tmp_path / "two"),
        ],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    first, second = (np.load(tmp_path / "two" / f"{rank} of 2.npy") for rank in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, one.policy.mean.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_a_reward_that_loves_noise_is_stopped_by_the_guards(tmp_path):
    """The reward rises without end; the pores' guard ends the run and the weights before are kept."""
    told = []

    def tell(kind, **data):
        told.append((kind, data))

    settings = config(evaluate_every=2, iterations=200, learning_rate=0.05)
    training = start(tmp_path, settings, LovesNoise(), tell=tell)
    outcome = training.train()
    assert outcome.status == "guarded"
    assert "texture: pore retention rose to" in outcome.words
    seen = [data for kind, data in told if kind == "evaluation"]
    assert seen[-1]["reward"] > seen[-2]["reward"]
    told.clear()
    again = start(tmp_path, settings, LovesNoise(), tell=tell).train()
    assert (again.status, again.good) == ("guarded", outcome.good), "killed while it was proved, and resumed"
    assert "update" not in [kind for kind, _ in told]
    kept = ToyPolicy()
    kept.load(outcome.good.weights)
    assert 1 + 0.3 * float(kept.mean.detach()[0]) <= 1.17
    assert outcome.good.iteration < training.state.iteration


def test_a_loss_that_is_no_number_stops_with_clear_words_and_keeps_the_last_good_weights(tmp_path):
    class Breaks(ToyPolicy):
        def velocity(self, x, sigma, condition):
            v = super().velocity(x, sigma, condition)
            return v * float("nan") if v.requires_grad and torch.is_grad_enabled() and armed else v

    armed = False
    policy = Breaks()

    def tell(kind, **data):
        nonlocal armed
        armed = kind == "samples" and data["step"] == 5

    training = start(tmp_path, config(evaluate_every=2), policy=policy, tell=tell)
    with pytest.raises(TrainingError, match="no number in iteration 5"):
        training.train()
    assert training.state.good is not None
    state, _ = Run.open(tmp_path, "policy").load_checkpoint()
    assert state["step"] == 4


def test_uncertainty_is_subtracted(tmp_path):
    sure, unsure = (start(tmp_path / str(u), config(caution=2.0), Likes(0.3, uncertainty=u)) for u in (0.0, 1.5))
    for each in (sure, unsure):
        each._evaluate()
    assert sure.state.good.reward - unsure.state.good.reward == pytest.approx(3.0)


def test_pause_and_stop_are_obeyed_and_events_say_what_happened(tmp_path):
    settings = config(iterations=4, evaluate_every=2)
    Run.create(tmp_path / "run", Manifest("policy", settings.plain()))
    run = Run.open(tmp_path / "run", "policy")
    run.control.request("stop")
    with EventLog(run.folder / EVENTS) as log:
        training = Training(ToyPolicy(), FACES, Likes(0.3), settings, run, tell=log.write)
        assert training.train().status == "stopped"
        run.control.withdraw("stop")
        assert Training(ToyPolicy(), FACES, Likes(0.3), settings, run, tell=log.write).train().status == "done"
    events = run.events()
    assert list(by_step(events, "samples")) == [1, 2, 3, 4]
    assert list(by_step(events, "evaluation")) == [0, 2, 4]
    last = by_step(events, "evaluation")[4].data
    assert set(last) >= {"reward", "win_rate", "guards", "parts"}


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    import errno

    training = start(tmp_path, config(iterations=4))

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match="No space left"):
        training.train()
