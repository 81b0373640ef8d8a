"""How a retouch was sampled, as data: enough to draw exactly the same latent again, without storing any latent.

A `ProposalSpec` is a tree: a variation names as its anchor the spec that it varies. It starts on the straight path
between the anchor's latent and fresh noise, at σ = exploration, and runs down from there: 0 is the anchor itself, 1
starts from noise alone, and in between its distance from the anchor grows in proportion. The anchor of a spec that
names none is the policy's typical retouch: the mean of many samples, where a mean is a retouch too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final, Literal, get_args

from engine.errors import UsageError
from engine.jobs import CancelToken, Report, silent
from engine.sampling.arrays import joined, mean
from engine.types import RetouchLayers

if TYPE_CHECKING:
    from engine.policies.base import Condition, Policy, PolicyInfo
    from engine.sampling.arrays import Latent
    from engine.sampling.loop import SamplerConfig

SamplerKind = Literal["dpg", "ode", "sde", "cps"]
SAMPLERS: tuple[str, ...] = get_args(SamplerKind)
MAX_SEED: Final = 2**31 - 1
EXPLORATION: Final = 0.8
"""How far variations go from their anchor, unless somebody says how far."""


@dataclass(frozen=True)
class SamplerSettings:
    """A sampler as a person chooses it; None means the policy's own (`resolved` puts the values in).

    eta: noise of random steps; segments, lambda_max, form: of DPG steps (`engine.sampling`).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    kind: SamplerKind = "dpg"
    steps: int | None = None
    shift: float | None = None
    eta: float = 0.8
    segments: int = 3
    lambda_max: float = 0.9
    form: Literal["cps", "paper"] = "cps"

    def __post_init__(self) -> None:
        if self.kind not in SAMPLERS:
            raise UsageError(f"Unknown sampler {self.kind!r}.", f"Use one of {', '.join(SAMPLERS)}.")

    def resolved(self, info: PolicyInfo) -> SamplerSettings:
        """The same with the policy's defaults written out, so that a sidecar outlives a change of defaults."""
        steps = info.steps if self.steps is None else self.steps
        return replace(self, steps=steps, shift=info.shift if self.shift is None else self.shift)

    def config(self) -> SamplerConfig:
        """For `engine.sampling`; only of resolved settings. Raises: UsageError for values that have no meaning."""
        from engine.sampling.loop import SamplerConfig

        assert self.steps is not None and self.shift is not None, "resolve the settings first"
        try:
            return SamplerConfig(
                kind=self.kind,
                steps=self.steps,
                shift=self.shift,
                eta=self.eta,
                segments=self.segments,
                lambda_max=self.lambda_max,
                form=self.form,
            )
        except ValueError as error:
            raise UsageError(f"The sampler cannot work so: {error}", "Change its settings.") from error


@dataclass(frozen=True)
class ProposalSpec:
    """Everything that decides a latent besides the photo and the face. All faces of a photo share it, so that they are
    retouched alike. sampler: resolved. exploration: in [0, 1], from the anchor to a sample of its own."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    policy: str
    policy_version: str
    seed: int
    sampler: SamplerSettings
    instruction: str = ""
    exploration: float = 1.0
    anchor: ProposalSpec | None = None

    @classmethod
    def of(
        cls, info: PolicyInfo, sampler: SamplerSettings | None = None, seed: int | None = None, instruction: str = ""
    ) -> ProposalSpec:
        """What a policy proposes: its typical retouch, or the sample of a seed."""
        settings = (sampler or SamplerSettings()).resolved(info)
        return cls(info.name, info.version, seed or 0, settings, instruction, float(seed is not None))

    def varied(self, seed: int, exploration: float) -> ProposalSpec:
        """A variation of this one, drawn by DPG. seed: after `MAX_SEED` comes 0. exploration: in [0, 1]."""
        sampler = replace(self.sampler, kind="dpg")
        return replace(self, seed=seed % (MAX_SEED + 1), sampler=sampler, exploration=exploration, anchor=self)

    def drawn_by(self, info: PolicyInfo) -> ProposalSpec:
        """The same for the policy that really draws it: its name and version and, if the name is another, its steps."""
        steps = {} if self.policy == info.name else {"steps": info.steps, "shift": info.shift}
        anchor = self.anchor and self.anchor.drawn_by(info)
        sampler = replace(self.sampler, **steps)  # type: ignore[arg-type]
        return replace(self, policy=info.name, policy_version=info.version, sampler=sampler, anchor=anchor)


@dataclass(frozen=True)
class Proposal:
    """A policy's proposal for a photo: one `RetouchLayers` per face id."""

    spec: ProposalSpec
    layers: Mapping[str, RetouchLayers]
    device: str = "cpu"


@dataclass
class Drawer:
    """Draws latents of one face; remembers those already drawn, so that variations draw their anchor once.

    Latents depend on spec, photo and face only; `known` belongs to one policy, condition and device.
    """

    policy: Policy
    condition: Condition
    known: dict[ProposalSpec, Latent] = field(default_factory=dict)

    def latent(self, spec: ProposalSpec, token: CancelToken | None = None, report: Report = silent) -> Latent:
        """The latent x₀ that a spec stands for. Raises: Cancelled."""
        if spec not in self.known:
            self.known[spec] = self._drawn(spec, token, report)
        return self.known[spec]

    def _drawn(self, spec: ProposalSpec, token: CancelToken | None, report: Report) -> Latent:
        if spec.exploration <= 0:
            return self.latent(spec.anchor, token, report) if spec.anchor else self._typical(spec, token, report)
        start, config = self.policy.noise(self.condition, spec.seed), spec.sampler.config()
        if spec.exploration >= 1:
            anchor = self.latent(spec.anchor, token) if spec.anchor else None  # DPG then takes its own ODE's end
        else:
            anchor = self.latent(spec.anchor or replace(spec, exploration=0.0), token)
            start = (1 - spec.exploration) * anchor + spec.exploration * start
            config = replace(config, sigmas=tuple(spec.exploration * t for t in config.times()))
        return self._sampled(start, config, token, report, anchor, spec.seed)

    def _typical(self, spec: ProposalSpec, token: CancelToken | None, report: Report) -> Latent:
        """Half of the samples start from the other half's noise turned round, so that the mean depends little on it."""
        count, config = self.policy.info.typical, replace(spec.sampler.config(), kind="ode")
        noise = joined([self.policy.noise(self.condition, spec.seed + index) for index in range(max(count // 2, 1))])
        start = noise if count == 1 else joined([noise, -noise])
        return mean(self._sampled(start, config, token, report))

    def _sampled(
        self,
        start: Latent,
        config: SamplerConfig,
        token: CancelToken | None,
        report: Report,
        anchor: Latent | None = None,
        seed: int = 0,
    ) -> Latent:
        from engine.sampling.loop import sample

        def velocity(x: Latent, sigma: float) -> Latent:
            return self.policy.velocity(x, sigma, self.condition)

        return sample(velocity, start, config, anchor=anchor, seed=seed, token=token, report=report).latent
