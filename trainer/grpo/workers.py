"""One process or many, with the same loop: each works on its own faces, gradients are summed, results are shared.

Many are started by `accelerate launch` or `torchrun`; `accelerate` is needed only then.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

import torch

from engine.errors import ModelMissingError

T = TypeVar("T")


class Workers(Protocol):
    """rank: of this process; 0 writes files. count: of all."""

    rank: int
    count: int

    def gather(self, items: Sequence[T]) -> list[T]:
        """The items of all processes, in order of ranks, in every process."""
        ...

    def add_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Let every process have the sum of all gradients; a parameter without one counts as 0."""
        ...

    def agree(self, value: T) -> T:
        """The value of rank 0."""
        ...


class Alone:
    """One process."""

    rank, count = 0, 1

    def gather(self, items: Sequence[T]) -> list[T]:
        return list(items)

    def add_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        return None

    def agree(self, value: T) -> T:
        return value


class Accelerated:
    """Several, through accelerate. Raises: ModelMissingError if it is not installed."""

    def __init__(self, device: str) -> None:
        try:
            from accelerate import Accelerator
        except ImportError as error:
            raise ModelMissingError(
                "Several processes need the package 'accelerate'.", "Install it: pip install 'porelight[train]'"
            ) from error
        self._accelerator = Accelerator(cpu=device == "cpu")
        self.rank, self.count = self._accelerator.process_index, self._accelerator.num_processes

    def gather(self, items: Sequence[T]) -> list[T]:
        from accelerate.utils import gather_object

        found: list[T] = gather_object(list(items))
        return found

    def add_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        for parameter in parameters:
            own = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
            parameter.grad = self._accelerator.reduce(own, reduction="sum")

    def agree(self, value: T) -> T:
        from accelerate.utils import broadcast_object_list

        found: list[Any] = broadcast_object_list([value])
        return found[0]  # type: ignore[no-any-return]


def workers(device: str) -> Workers:
    """All processes of this training, as the environment says."""
    return Accelerated(device) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone()
