"""How long a training takes, from how fast earlier ones were on this computer. torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trainer.events import Event
from trainer.grpo.config import GrpoConfig

EVALUATED: Final = 2
"""Samples of every face at an evaluation (`grpo.evaluation.SEEDS`)."""
PROVED: Final = 8
"""Samples of every unseen face in the proof: four seeds, two policies."""
START: Final = 20.0
"""Seconds for starting, fitting the reward, and writing the report."""


@dataclass(frozen=True)
class Speed:
    """Seconds to read and analyse a photo, and to draw, measure and learn from a sample."""

    photo: float
    sample: float


USUAL: Final = Speed(2.0, 0.2)
"""Measured on two cores; used until a training has run here."""
LOOK: Final = 0.1
"""Seconds more for a sample that an encoder of the size of DINOv2-S looks at, two at a time."""


def usual(encoder: bool) -> Speed:
    """Until a training has run here, through an encoder or not."""
    return Speed(USUAL.photo, USUAL.sample + LOOK * encoder)


def samples(config: GrpoConfig, training: int, held_out: int, iterations: int | None = None) -> int:
    """Samples that are drawn in so many iterations (all of them, with the proof, if None)."""
    done = config.iterations if iterations is None else iterations
    evaluations = 1 + -(-done // config.evaluate_every)
    proof = PROVED * held_out if iterations is None else 0
    return done * config.faces * config.group + evaluations * EVALUATED * training + proof


def seconds(photos: int, config: GrpoConfig, speed: Speed) -> float:
    """For photos of one face each."""
    held_out = round(photos * config.held_out)
    return START + photos * speed.photo + samples(config, photos - held_out, held_out) * speed.sample


def speed_of(events: Sequence[Event], config: GrpoConfig) -> Speed | None:
    """How fast a run was in the last stretch that it worked without a break; None if it did not get far enough."""
    photo = sample = None
    loading: Event | None = None
    started: Event | None = None
    faces = 0
    for event in events:
        if event.kind == "loading":
            loading, started = event, None
        elif event.kind == "faces" and loading is not None:
            faces = event.data["training"]
            photo = (event.t - loading.t) / max(loading.data["photos"], 1)
        elif event.kind == "started":
            started = event
        elif event.kind in ("paused", "continued"):
            started = None
        elif event.kind == "update" and started is not None and faces:
            first, last = started.data["step"], event.data["step"]
            drawn = (last - first) * config.faces * config.group + EVALUATED * faces * max(
                1, (last - first) // config.evaluate_every
            )
            sample = (event.t - started.t) / drawn
    return Speed(photo, sample) if photo is not None and sample is not None else None


def left(events: Sequence[Event], config: GrpoConfig, usual: Speed) -> float | None:
    """Seconds until a running training ends; None before its faces are known."""
    faces = next((event for event in reversed(events) if event.kind == "faces"), None)
    if faces is None:
        return None
    training, held_out = faces.data["training"], faces.data["held_out"]
    done = max((event.data["step"] for event in events if event.kind == "update"), default=0)
    speed = speed_of(events, config) or usual
    whole, past = samples(config, training, held_out), samples(config, training, held_out, done) if done else 0
    return START / 2 + max(whole - past, 0) * speed.sample
