"""One process or many, with the same loop: each works on its own faces, gradients are summed, results are shared.

Many are started by `accelerate launch` or `torchrun`; `accelerate` is needed only then.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import torch

from engine.errors import Cancelled, ModelMissingError
from trainer.runs import Run

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


class Alone:
    """One process."""

    rank, count = 0, 1

    def gather(self, items: Sequence[T]) -> list[T]:
        return list(items)

    def add_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        return None


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
        atexit.register(self._accelerator.end_training)  # else its threads may abort a process that has ended well
        self.rank, self.count = self._accelerator.process_index, self._accelerator.num_processes

    def gather(self, items: Sequence[T]) -> list[T]:
        from accelerate.utils import gather_object

        found: list[T] = gather_object(list(items))
        return found

    def add_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        for parameter in parameters:
            own = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
            parameter.grad = self._accelerator.reduce(own, reduction="sum")


class Together:
    """What all processes of a run do alike: share work, obey requests, and let one of them speak.

    tell: writes an event. stopping: whether this process was asked to stop.
    """

    def __init__(
        self, run: Run, workers: Workers, tell: Callable[..., Any], stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._run, self._workers, self._tell, self._stopping = run, workers, tell, stopping

    def share(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """This process's items, with their places."""
        return [(n, item) for n, item in enumerate(items) if n % self._workers.count == self._workers.rank]

    def tell(self, kind: str, **data: Any) -> None:
        if self._workers.rank == 0:
            self._tell(kind, **data)

    def wait(self) -> None:
        """Wait while a pause is asked. Raises: Cancelled if any process or request asks to stop."""
        if self._workers.rank == 0:
            self._run.control.wait_while_paused(lambda on: self.tell("paused" if on else "continued"), self._stopping)
        if any(self._workers.gather([self._asked()])):
            raise Cancelled

    def check(self) -> None:
        """Raises: Cancelled if asked to stop; several processes only stop together, in `wait`."""
        if self._workers.count == 1 and self._asked():
            raise Cancelled

    def _asked(self) -> bool:
        return self._stopping() or self._run.control.asked("stop")


def workers(device: str) -> Workers:
    """All processes of this training, as the environment says."""
    return Accelerated(device) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone()
