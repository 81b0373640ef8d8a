"""Times and path-guidance weights of a sampler, as plain numbers.

Time runs from σ = 1 (noise) to σ = 0 (data). Sources: REFERENCES rectified-flow, sd3 (time shift), beautygrpo (λ,
segments).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

MAX_TAIL = 2
"""The last steps that are never stochastic, where there are steps enough: noise put in there stays as grain."""


def linear(steps: int, shift: float = 1.0) -> tuple[float, ...]:
    """steps + 1 times from 1 to 0, shifted: t ↦ s·t / (1 + (s − 1)·t). s > 1 puts more steps near noise.

    The exponential shift by μ of FLUX schedulers is the same curve with s = exp(μ).
    Raises: ValueError. Source: REFERENCES sd3, equation 23.
    """
    if steps < 1:
        raise ValueError(f"A schedule needs at least one step, not {steps}.")
    if not (math.isfinite(shift) and shift > 0):
        raise ValueError(f"The time shift must be positive, not {shift}.")
    times = (1 - i / steps for i in range(steps + 1))
    return tuple(shift * t / (1 + (shift - 1) * t) for t in times)


def given(sigmas: Sequence[float]) -> tuple[float, ...]:
    """A schedule from elsewhere, such as a diffusers scheduler's own: checked, otherwise as it is.

    Raises: ValueError unless it falls strictly from at most 1 to exactly 0.
    """
    times = tuple(float(sigma) for sigma in sigmas)
    falls = all(a > b for a, b in pairwise(times))
    if len(times) < 2 or not falls or times[0] > 1 or times[-1] != 0:
        raise ValueError("A schedule must fall strictly from at most 1 to exactly 0.")
    return times


def guidance(steps: int, cap: float = 0.9) -> tuple[float, ...]:
    """λ of each step: k / (T − 1) with k running from T − 1 to 0, so strong early and free late, at most `cap`.

    Raises: ValueError unless 0 ≤ cap < 1: λ = 1 leaves no noise, and so no density. Source: REFERENCES beautygrpo.
    """
    if not 0 <= cap < 1:
        raise ValueError(f"The cap of λ must be in [0, 1), not {cap}.")
    if steps < 2:
        raise ValueError("Path guidance needs at least two steps.")
    return tuple(min((steps - 1 - i) / (steps - 1), cap) for i in range(steps))


def tail(steps: int, segments: int = 1) -> int:
    """How many last steps are deterministic: two, or one where two would leave fewer free steps than segments."""
    return MAX_TAIL if steps - MAX_TAIL >= segments else 1


def guided_steps(steps: int, segments: int, generator: np.random.Generator) -> tuple[int, ...]:
    """One random step index in each of K segments of nearly equal length; never one of the last (`tail`).

    Raises: ValueError if there are fewer free steps than segments.
    """
    free = steps - tail(steps, segments)
    if not 1 <= segments <= free:
        raise ValueError(f"{steps} steps leave {max(free, 0)} free ones, too few for {segments} segments.")
    edges = [free * k // segments for k in range(segments + 1)]
    return tuple(int(generator.integers(low, high)) for low, high in pairwise(edges))
