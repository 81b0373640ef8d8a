"""Every setting of a policy training, each beside its source. A TOML file may set any of them; others are an error."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from engine.errors import UsageError

Mode = Literal["dpg", "cps", "sde", "nft"]
MODES: Final[tuple[str, ...]] = get_args(Mode)
_WANTED: Final[dict[type, str]] = {
    int: "Give a whole number.",
    float: "Give a number.",
    str: "Give a word.",
    bool: "Give true or false.",
}


def _value(default: Any, source: str, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"source": source, "low": low, "high": high})


@dataclass(frozen=True)
class GrpoConfig:
    """Settings of one training. `source_of` says where a value comes from. Raises: UsageError for values without
    meaning.

    mode: "dpg" DPG-GRPO as in the paper, "cps" the same in CPS form with normalised ratios, "sde" Flow-GRPO, "nft"
    DiffusionNFT. iterations: of faces × group samples each. held_out: share of the photos that only the proof sees.
    """

    # ruff: noqa: RUF009 - `_value` makes a dataclass field
    mode: Mode = _value("cps", "methods 2(e), 3: exact noise level; measured in docs/learning.md")
    seed: int = _value(0, "free", 0, 2**31 - 1)
    iterations: int = _value(12, "measured here: six already win on unseen faces", 1, 100_000)
    faces: int = _value(6, "free: each iteration sees a few dozen picks' faces in turn", 1, 4096)
    group: int = _value(8, "edit-r1, flow-factory: 12–21; fewer do where one network serves all faces", 2, 256)
    steps: int = _value(0, "0: the policy's own; edit-r1 trains with 6", 0, 200)
    eta: float = _value(0.8, "flow-cps: a ≈ 0.8; flow-grpo: 0.7", 1e-3, 2)
    segments: int = _value(3, "beautygrpo: K = 3, K = 5 was no better", 1, 50)
    lambda_max: float = _value(0.9, "methods 2(c): λ = 1 has no density", 0, 0.99)
    anneal: float = _value(0.6, "methods 2(g): sampled without an anchor, so λ's ceiling falls to 0", 0, 1)
    anchor: Literal["pick", "best", "none"] = _value(
        "pick", "beautygrpo: a liked retouch: the picked one, else the best sample; none: methods 2(f), same noise"
    )
    shared_noise: bool = _value(True, "dancegrpo: one starting noise per group")
    learning_rate: float = _value(3e-4, "edit-r1, flow-factory: 3e-4 for adapters", 1e-8, 1)
    epochs: int = _value(2, "flow-grpo: few updates per batch of samples", 1, 32)
    clip: float = _value(1e-3, "flow-grpo: 1e-5 … 1e-3 for averaged log-probabilities", 1e-7, 1)
    kl: float = _value(0.02, "flow-grpo: 0.01–0.04 against reward hacking", 0, 100)
    preserve: float = _value(1.0, "rc-grpo: hard preservation outside the skin", 0, 1000)
    advantage: Literal["group", "win_rate"] = _value("group", "flow-grpo; win_rate: pref-grpo")
    least_spread: float = _value(0.02, "edit-r1: groups that hardly differ are dropped; logits of the reward", 0, 10)
    caution: float = _value(0.5, "methods 4: subtract uncertainty in RL; in standard deviations", 0, 10)
    beta: float = _value(1.0, "nft: β = 1", 1e-3, 10)
    old_decay: float = _value(0.5, "nft: decay of the old policy min(0.001·step, 0.5)", 0, 0.999)
    gradient_norm: float = _value(1.0, "flow-grpo: 1.0", 1e-6, 1e6)
    evaluate_every: int = _value(3, "free: guards look as often", 1, 10_000)
    held_out: float = _value(0.25, "habits of the field: a quarter", 0, 0.9)

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(each.name, getattr(self, each.name), each.default, each.metadata["low"], each.metadata["high"])
        choices = ("mode", MODES), ("anchor", ("pick", "best", "none")), ("advantage", ("group", "win_rate"))
        for name, allowed in choices:
            if getattr(self, name) not in allowed:
                raise _meaningless(name, getattr(self, name), f"Use one of {', '.join(allowed)}.")

    def ceiling(self, iteration: int) -> float:
        """The cap of λ in an iteration (from 0): from `lambda_max` straight down to 0 at `anneal` of all."""
        end = self.anneal * self.iterations
        return self.lambda_max * max(0.0, 1 - iteration / end) if end > 0 else 0.0

    def plain(self) -> dict[str, Any]:
        """Plain data for manifests."""
        return asdict(self)


def source_of(name: str) -> str:
    """Where the default of a setting comes from."""
    return str(next(each for each in fields(GrpoConfig) if each.name == name).metadata["source"])


def load_config(path: Path | None, **overrides: Any) -> GrpoConfig:
    """Settings of a TOML file (defaults without one); overrides that are not None win.

    Raises: UsageError for a file that cannot be read, an unknown key or a value without meaning.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(
                f"The settings {path.name} cannot be read: {error.strerror}.", "Name a TOML file."
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"The settings {path.name} are no TOML: {error}.", "Correct the file.") from error
    return from_plain({**values, **{key: value for key, value in overrides.items() if value is not None}})


def from_plain(values: Mapping[str, Any]) -> GrpoConfig:
    """Raises: UsageError for an unknown key or a value without meaning."""
    known = {each.name for each in fields(GrpoConfig)}
    for key in values:
        if key not in known:
            raise UsageError(f"There is no setting {key!r}.", f"Known are {', '.join(sorted(known))}.")
    return replace(GrpoConfig(), **values)


def as_toml(config: GrpoConfig) -> str:
    """All settings with their sources, as a file that `load_config` reads."""

    def written(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')

    lines = [f"{key} = {written(value)}  # {source_of(key)}" for key, value in config.plain().items()]
    return "\n".join(lines) + "\n"


def _check(name: str, value: Any, default: Any, low: float | None, high: float | None) -> None:
    kind = type(default)
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int) and not isinstance(value, bool))
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise _meaningless(name, value, _WANTED[kind])
    if low is not None and high is not None and not low <= value <= high:
        raise _meaningless(name, value, f"Use {low:g} … {high:g}.")


def _meaningless(name: str, value: Any, hint: str) -> UsageError:
    return UsageError(f"The setting {name} = {value!r} has no meaning.", hint)
