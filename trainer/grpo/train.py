"""A policy training from files to a proved version: `porelight train policy`, and the window's Train, call this."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from engine.clock import now
from engine.errors import EngineError, UsageError
from engine.jobs import CancelToken, Progress, Report, silent, within
from engine.policies import versions
from engine.policies.base import PolicyInfo, TrainablePolicy
from engine.policies.compact.learner import learner
from engine.policies.compact.policy import version_of
from engine.policies.registry import load_policy, remembered
from engine.policies.versions import Parent, Version
from engine.proposal import Drawer, ProposalSpec
from engine.report import porelight_version
from trainer.control import Control
from trainer.events import EventLog
from trainer.grpo import report as reports
from trainer.grpo.config import GrpoConfig, from_plain
from trainer.grpo.faces import PhotoFace, gather, load_faces, split
from trainer.grpo.held_out import KnownPicks
from trainer.grpo.loop import Training
from trainer.grpo.pictures import compare, save_samples
from trainer.grpo.proof import HeldOutPick, Proof, prove
from trainer.grpo.rollout import sampler
from trainer.grpo.state import Outcome, TrainingError
from trainer.grpo.workers import Workers, workers
from trainer.picks.store import PickStore
from trainer.reward.encoder import chosen, of_reward
from trainer.reward.files import load_reward
from trainer.reward.measuring import photos_of
from trainer.reward.train import save_trained, train_reward
from trainer.runs import EVENTS, Manifest, Run, RunError, locked, refuse_existing

KIND = "policy"


@dataclass(frozen=True)
class PolicyRequest:
    """What to train. photos: folders and globs, those of the picks if empty. reward: a run folder; None to fit one in
    OUT/reward first, to the store `picks`, through an `encoder` as `trainer.reward.encoder.chosen` takes it. base: the
    policy to start from, the active one if None. name: of the version to be, a free one if None. threads: for
    measuring."""

    photos: tuple[str, ...]
    reward: Path | None
    out: Path
    config: GrpoConfig
    base: str | None = None
    name: str | None = None
    threads: int = 1
    picks: Path | None = None
    encoder: str | None = None


@dataclass(frozen=True)
class PolicyResult:
    """What became of it. proof and version: None where the training was stopped, or has nothing to show."""

    outcome: Outcome
    proof: Proof | None = None
    version: Version | None = None
    report: Path | None = None


def train_policy(request: PolicyRequest, *, token: CancelToken | None = None, report: Report = silent) -> PolicyResult:
    """Begin a run. Raises: EngineError in words; what was reached is kept in the run folder."""
    if request.name is not None:
        versions.check_name(request.name)
    refuse_existing(request.out, resumable=True)
    policy = load_policy(request.base or versions.active(), device="cpu")
    sampler(request.config, policy, 0.0)  # settings that have no meaning are refused before anything is made
    token, them = token or CancelToken(), workers("cpu")
    with _at_work(request.out, them, report) as (log, told):
        _together(them, lambda: _begin(request, policy.info, log, token, told))
        return _work(Run.open(request.out, KIND), them, log, token, told, request.threads)


def resume_policy(
    out: Path, *, token: CancelToken | None = None, report: Report = silent, threads: int = 1
) -> PolicyResult:
    """Go on with a run that was stopped or killed, with its own settings. Raises: as `train_policy`."""
    run = Run.open(out, KIND)
    if any(event.kind == "finished" for event in run.events()):
        raise RunError(f"The run {out.name} is finished already.", "Read its report.html, or start another run.")
    them = workers("cpu")
    with _at_work(out, them, report) as (log, told):
        return _work(run, them, log, token or CancelToken(), told, threads)


def _begin(request: PolicyRequest, info: PolicyInfo, log: EventLog | None, token: CancelToken, report: Report) -> None:
    """Fit the reward if there is none yet, and write the manifest."""
    reward, photos = request.reward, gather(request.photos) if request.photos else []
    if reward is None:
        assert request.picks is not None and log is not None
        log.write("begun")
        reward = request.out / "reward"
        with PickStore.open(request.picks) as store:
            seeing, told = chosen(request.encoder), within(report, 0.0, 0.05, stage="measure")
            trained = train_reward(store, encoder=seeing, token=token, report=told)
            save_trained(trained, store, reward)
            photos = photos or sorted(photos_of(store))
        log.write("reward", words=list(trained.words), **trained.report)
    sources = {
        "photos": [str(path.resolve()) for path in photos],
        "reward": str(reward.resolve()),
        "reward_sha256": _reward_digest(reward),
        "parent": {"name": info.name, "version": info.version},
        "name": request.name,
    }
    Run.create(request.out, Manifest(KIND, request.config.plain(), sources, f"Porelight {porelight_version()}"))


@contextmanager
def _at_work(out: Path, them: Workers, report: Report) -> Iterator[tuple[EventLog | None, Report]]:
    """Hold the run folder. Gives its events, in which errors are told, and a report that is told there too; other
    processes than the first have neither."""
    # Sums in one order: the same weights to the bit, however busy the machine is. Measuring has threads of its own.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if them.rank > 0:
        yield None, silent
        return
    with locked(out), EventLog(out / EVENTS) as log:
        Control(out).clear(log.last)
        try:
            yield log, _told(log, report)
        except EngineError as error:
            with suppress(EngineError):  # on a full disk only the command line can tell
                log.write("failed", words=error.message, hint=error.hint, code=error.code)
            raise


def _told(log: EventLog, report: Report) -> Report:
    """A report that also writes an event for each percent."""
    last: tuple[str, int] = ("", 0)

    def tell(progress: Progress) -> None:
        nonlocal last
        report(progress)
        now = progress.stage, int(100 * progress.fraction)
        if now != last:
            last = now
            log.write("progress", stage=progress.stage, fraction=progress.fraction)

    return tell


def _work(
    run: Run, them: Workers, log: EventLog | None, token: CancelToken, report: Report, threads: int
) -> PolicyResult:
    tell: Callable[..., Any] = log.write if log else lambda kind, **data: None
    config, sources = from_plain(run.manifest.config), run.manifest.sources
    if _reward_digest(Path(sources["reward"])) != sources["reward_sha256"]:
        raise RunError(f"The reward of {run.folder.name} has changed since it began.", "Start another run.")
    reward = load_reward(Path(sources["reward"]))
    encoder = of_reward(Path(sources["reward"]), reward)
    policy = learner(load_policy(_parent(sources), device="cpu"))
    tell(
        "loading", photos=len(sources["photos"]), picks=reward.picks, mode=config.mode, iterations=config.iterations,
        encoder=encoder.weights.title if encoder else "",
    )  # fmt: skip
    faces, skipped = load_faces(_photos(run), policy, token, within(report, 0.05, 0.1, stage="faces"), encoder)
    _same_faces(run, faces)
    known = KnownPicks.of(Path(sources["reward"]))
    held = _held(faces, known, config)
    seen = [face for face in faces if face.photo not in held]
    unseen = [face for face in faces if face.photo in held]
    if not seen:
        raise UsageError("All photos are held out for the proof.", "Name more photos than those of the test picks.")
    tested = known.held_out(held) if known else []
    reward = known.reward(reward, held) if known else reward
    tell("faces", keys=[face.key for face in faces], training=len(seen), held_out=len(unseen), skipped=skipped)
    training = Training(
        policy,
        seen,
        reward,
        config,
        run,
        tell=tell,
        stopping=lambda: token.cancelled,
        report=within(report, 0.1, 0.9),
        shown=lambda step, groups: tell("pictures", step=step, files=save_samples(run, step, seen, groups)),
        workers=them,
        threads=threads,
        picked=_picked(policy, seen, known.liked(held, policy.info.version)) if known else None,
    )
    tell("started", step=training.state.iteration)
    try:
        outcome = training.train()
    except TrainingError as error:
        if training.state.good is None or training.state.good.iteration == 0:
            raise
        outcome = Outcome("failed", f"{error.message} {error.hint}", training.state.good)
    if outcome.status == "stopped":
        tell("stopped", step=training.state.iteration)
        return PolicyResult(outcome)
    if them.rank > 0 or log is None:
        return PolicyResult(outcome)
    report(Progress("proof", 0.92))
    return _finish(run, log, policy, outcome, unseen, reward, config, tested, threads)


def _finish(
    run: Run,
    log: EventLog,
    policy: TrainablePolicy,
    outcome: Outcome,
    unseen: Sequence[PhotoFace],
    reward: Any,
    config: GrpoConfig,
    tested: Sequence[HeldOutPick],
    threads: int,
) -> PolicyResult:
    """Prove the best weights, keep them as a version, and write the report."""
    good = outcome.good
    if good is None or good.iteration == 0:
        words = f"{outcome.words} No weights were better than those before; there is no new policy."
        log.write("finished", status=outcome.status, words=words, version=None)
        path = reports.write(run, None, None, [], words)
        return PolicyResult(Outcome(outcome.status, words, None), None, None, path)
    policy.load(good.weights)
    with ThreadPoolExecutor(threads) as pool:
        comparisons, whole = compare(policy, unseen)
        proof = prove(policy, unseen, reward, config, tested, pool, whole)
    version = _version(run, good.weights, proof, reward.picks)
    log.write(
        "finished", status=outcome.status, words=f"{outcome.words} {' '.join(proof.words)}", version=version.name,
        **{"proof": proof.plain()},
    )  # fmt: skip
    return PolicyResult(outcome, proof, version, reports.write(run, proof, version, comparisons, outcome.words))


def _version(run: Run, weights: bytes, proof: Proof, picks: int) -> Version:
    """Stored once: a run that is resumed after its version was stored finds it again."""
    sources = run.manifest.sources
    made = version_of(weights)
    if (known := next((each for each in versions.versions() if each.version == made), None)) is not None:
        return known
    return versions.add(
        Version(
            name=sources["name"] or versions.free_name(),
            version=made,
            parent=Parent(**sources["parent"]),
            created=now("seconds"),
            sha256=hashlib.sha256(weights).hexdigest(),
            wins=proof.wins,
            results=proof.plain(),
            sources={"photos": len(sources["photos"]), "picks": picks, "reward_sha256": sources["reward_sha256"]},
            config=dict(run.manifest.config),
        ),
        weights,
    )


def _held(faces: Sequence[PhotoFace], known: KnownPicks | None, config: GrpoConfig) -> frozenset[str]:
    """Photos that only the proof sees: those of the reward's test picks, else a share by their hash."""
    photos = {face.photo for face in faces}
    if known is not None and known.tested & photos:
        return known.tested & photos
    return frozenset(photo for photo, apart in split(sorted(photos), config.held_out, config.seed).items() if apart)


def _picked(
    policy: TrainablePolicy, faces: Sequence[PhotoFace], specs: Mapping[str, ProposalSpec]
) -> dict[int, torch.Tensor]:
    """The latents (1, …) of the retouches that were liked, by the index of their face."""
    with torch.no_grad():
        return {
            index: Drawer(policy, face.condition).latent(spec)
            for index, face in enumerate(faces)
            if (spec := specs.get(face.key) or specs.get(f"{face.photo[:16]}/")) is not None
        }


def _parent(sources: Any) -> str:
    """Raises: RunError if the policy that the run began with has changed."""
    parent = sources["parent"]
    name = remembered(parent["name"], parent["version"])
    if load_policy(name, device="cpu").info.version != parent["version"]:
        raise RunError("The policy that this run began with has changed since.", "Start another run.")
    return name


def _photos(run: Run) -> list[Path]:
    photos = [Path(path) for path in run.manifest.sources["photos"]]
    if gone := [path.name for path in photos if not path.is_file()]:
        names = ", ".join(gone[:3]) + (" …" if len(gone) > 3 else "")
        raise RunError(f"{len(gone)} of {len(photos)} photos of this run are gone: {names}.", "Put them back.")
    return photos


def _same_faces(run: Run, faces: Sequence[PhotoFace]) -> None:
    """Raises: RunError if a resumed run would train on other faces than it began with."""
    before = next((event.data["keys"] for event in run.events() if event.kind == "faces"), None)
    if before is not None and before != [face.key for face in faces]:
        raise RunError(
            f"The photos of {run.folder.name} have changed since it began.", "Put them back, or start another run."
        )


def _reward_digest(folder: Path) -> str:
    load_reward(folder)
    return hashlib.sha256((folder / "reward.safetensors").read_bytes()).hexdigest()


def _together(them: Workers, make: Callable[[], object]) -> None:
    """Let rank 0 do something, and all processes fail alike if it does."""
    problem: EngineError | None = None
    if them.rank == 0:
        try:
            make()
        except EngineError as error:
            problem = error
    found = [each for each in them.gather([problem]) if each is not None]
    if found:
        raise found[0]
