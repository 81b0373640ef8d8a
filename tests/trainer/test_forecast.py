"""How long a training takes, from what an earlier one tells; by hand."""

from __future__ import annotations

from trainer.events import Event
from trainer.forecast import START, Speed, left, samples, seconds, speed_of
from trainer.grpo.config import GrpoConfig

CONFIG = GrpoConfig(iterations=4, faces=2, group=3, evaluate_every=2, held_out=0.25)


def events(*told: tuple[float, str, dict[str, int]]) -> list[Event]:
    return [Event(number, t, kind, data) for number, (t, kind, data) in enumerate(told, 1)]


RUN = events(
    (100.0, "loading", {"photos": 8}),
    (108.0, "faces", {"training": 6, "held_out": 2}),
    (110.0, "started", {"step": 0}),
    (120.0, "update", {"step": 1}),
    (128.0, "update", {"step": 2}),
)


def test_samples_are_counted() -> None:
    """4 × 2 × 3 while exploring, 3 evaluations × 2 × 6 faces, 8 for each of 2 unseen faces."""
    assert samples(CONFIG, 6, 2) == 24 + 36 + 16
    assert samples(CONFIG, 6, 2, 2) == 12 + 24


def test_speed_is_that_of_the_last_unbroken_stretch() -> None:
    assert speed_of(RUN, CONFIG) == Speed(1.0, 18 / (12 + 12))
    paused = events(*((e.t, e.kind, dict(e.data)) for e in RUN), (900.0, "paused", {}), (990.0, "update", {"step": 3}))  # type: ignore[arg-type]
    assert speed_of(paused, CONFIG) == speed_of(RUN, CONFIG)
    assert speed_of(RUN[:3], CONFIG) is None


def test_what_is_left_falls_to_the_end() -> None:
    assert seconds(8, CONFIG, Speed(1.0, 0.5)) == START + 8 + 76 * 0.5
    assert left(RUN, CONFIG, Speed(9.0, 9.0)) == START / 2 + (76 - 36) * 18 / 24
    assert left(RUN[:3], CONFIG, Speed(9.0, 0.5)) == START / 2 + 76 * 0.5
    assert left(RUN[:1], CONFIG, Speed(9.0, 0.5)) is None
