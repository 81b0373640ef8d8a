"""The engine in a process of its own: finding faces and sampling, so that neither imports, nor models, nor a crash of
either ever stop the window.

`HostedSession` is a `RetouchSession` whose heavy steps, `analyse` and `draw`, run in the child; everything else works
as before on what comes back. Arrays travel through memory-mapped files, everything else through a pipe. One request
runs at a time; it reports progress and obeys its cancel token. A child that died is replaced at the next request, and
a photo that it does not have, or no longer has, is sent to it.
"""

from __future__ import annotations

import contextlib
import itertools
import mmap
import os
import pickle
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from engine import errors, network
from engine.children import environment, give_way
from engine.device import share_memory
from engine.errors import Cancelled, DeviceError, EngineError
from engine.jobs import CancelToken, Report, silent
from engine.proposal import Proposal, ProposalSpec
from engine.session import RetouchSession
from engine.types import AREAS, Box, FaceAnalysis, Photo

if TYPE_CHECKING:
    from engine.policies.base import Policy, PolicyInfo

POLL_SECONDS: Final = 0.03
"""How often a waiting request looks at its cancel token."""
KEPT_SESSIONS: Final = 3
"""Photos that the child keeps open."""
ALIGNMENT: Final = 64
MEMORY: Final = "/dev/shm"
LEFT_SECONDS: Final = 600
"""Nothing lies between two living processes for so long."""

_keys = itertools.count(1)


# --- arrays through files ---------------------------------------------------------------------------------------------


def _folder(size: int) -> str | None:
    """Memory, where the system has a folder for it with so many bytes free."""
    return MEMORY if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > size else None


def sweep() -> None:
    """Remove what processes that were killed have left in memory."""
    for file in Path(MEMORY).glob("porelight-*-*"):
        with contextlib.suppress(OSError, ValueError):
            left = time.time() - file.stat().st_mtime > LEFT_SECONDS
            if left and not Path(f"/proc/{int(file.name.split('-')[1])}").exists():
                file.unlink()


def pack(value: object) -> tuple[bytes, str, tuple[tuple[int, int], ...]]:
    """A value as a pickle, a file that holds its arrays, and where in it they lie. The reader deletes the file."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    places, end = [], 0
    size = sum(buffer.raw().nbytes + ALIGNMENT for buffer in buffers)
    descriptor, name = tempfile.mkstemp(prefix=f"porelight-{os.getpid()}-", dir=_folder(size))
    with os.fdopen(descriptor, "wb") as file:
        for buffer in buffers:
            with buffer.raw() as raw:
                file.write(bytes(-end % ALIGNMENT))
                end += -end % ALIGNMENT
                file.write(raw)
                places.append((end, raw.nbytes))
                end += raw.nbytes
    return data, name, tuple(places)


def unpack(packed: tuple[bytes, str, tuple[tuple[int, int], ...]]) -> Any:
    """The value; its arrays lie in the mapped file, which is gone when the last of them is."""
    data, name, places = packed
    try:
        if not any(size for _, size in places):
            return pickle.loads(data, buffers=[b""] * len(places))
        with open(name, "rb") as file:  # noqa: PTH123
            memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        return pickle.loads(data, buffers=[memory[start : start + size] for start, size in places])
    finally:
        with contextlib.suppress(OSError):  # Windows deletes no file that is mapped; it lies in the temporary folder
            Path(name).unlink()


def send(pipe: IO[bytes], message: tuple[object, ...]) -> None:
    """Write one message. Raises: OSError."""
    data = pickle.dumps(message)
    pipe.write(len(data).to_bytes(8, "little") + data)
    pipe.flush()


def receive(pipe: BinaryIO) -> tuple[Any, ...]:
    """Read one message. Raises: EOFError at the end."""
    head = pipe.read(8)
    size = int.from_bytes(head, "little")
    data = pipe.read(size) if len(head) == 8 else b""
    if len(head) < 8 or len(data) < size:
        raise EOFError
    message: tuple[Any, ...] = pickle.loads(data)
    return message


class _UnknownPhoto(Exception):
    """The child does not have the photo that it was asked about."""


# --- the child --------------------------------------------------------------------------------------------------------


class _Child:
    """Serves requests: a thread reads the pipe, so that a cancellation is heard while the main thread works."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self.source, self.sink = source, sink
        self.sessions: dict[int, RetouchSession] = {}
        self.policies: dict[str, Policy] = {}
        self.requests: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self.token = CancelToken()

    def serve(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            self._answer(self.requests.get())

    def _read(self) -> None:
        while True:
            try:
                message = receive(self.source)
            except (EOFError, OSError):
                os._exit(0)  # the window is gone
            if message[0] == "cancel":
                self.token.cancel()
            else:
                self.token = CancelToken()
                self.requests.put(message)

    def _answer(self, request: tuple[Any, ...]) -> None:
        kind, *arguments = request
        try:
            result = pack(getattr(self, f"_do_{kind}")(*arguments))
            send(self.sink, ("result", result))
        except Cancelled:
            send(self.sink, ("cancelled",))
        except _UnknownPhoto:
            send(self.sink, ("unknown",))
        except EngineError as error:
            send(self.sink, ("error", type(error).__name__, error.message, error.hint, error.context))
        except BaseException as error:  # noqa: BLE001 (told to the window, which says that it was not foreseen)
            send(self.sink, ("unforeseen", f"{type(error).__name__}: {error}", traceback.format_exc()))

    def _do_policy(self, name: str) -> PolicyInfo:
        if name not in self.policies:
            from engine.policies.registry import load_policy

            self.policies[name] = load_policy(name)
        return self.policies[name].info

    def _session(self, key: int) -> RetouchSession:
        if key not in self.sessions:
            raise _UnknownPhoto
        return self.sessions[key]

    def _do_open(self, key: int, packed: Any) -> None:
        self.sessions.pop(key, None)
        while len(self.sessions) >= KEPT_SESSIONS:
            del self.sessions[next(iter(self.sessions))]
        photo, faces = unpack(packed)
        self.sessions[key] = RetouchSession(photo)
        self.sessions[key].faces = faces

    def _do_analyse(self, key: int, boxes: Sequence[Box] | None) -> tuple[Any, ...]:
        session = self._session(key)
        session.analyse(boxes)
        return session.faces, session.skipped

    def _do_distance(self, packed: Any) -> float:
        from engine.faces import identity

        before, after, landmarks = unpack(packed)
        return identity.distance(identity.embed(before, landmarks), identity.embed(after, landmarks))

    def _do_draw(self, key: int, name: str, spec: ProposalSpec) -> tuple[Proposal, tuple[FaceAnalysis, ...] | None]:
        """The proposal, and the faces if the policy has changed them."""
        session = self._session(key)
        known = session.faces
        self._do_policy(name)
        report: Report = lambda progress: send(self.sink, ("progress", progress))  # noqa: E731
        drawn = session.draw(self.policies[name], spec, token=self.token, report=report)
        # The regions are the faces', which the window has; deltas may be made on demand, which cannot travel.
        layers = {face: replace(each, deltas=dict(each.deltas), regions={}) for face, each in drawn.layers.items()}
        return replace(drawn, layers=layers), None if session.faces is known else session.faces


def main() -> None:
    """The child's main function: requests on the standard input, answers on the standard output."""
    network.guard()
    share_memory()
    give_way(5)  # the window goes first
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes to the standard error
    _Child(sys.stdin.buffer, answers).serve()


# --- the parent -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HostedPolicy:
    """A policy that is loaded in the child; only its `info` is here."""

    name: str
    info: PolicyInfo


class EngineHost:
    """Starts the child and talks to it. Calls come from any thread and wait for each other."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._reader: threading.Thread | None = None
        self.generation = 0
        """Counts children: what one knew, the next does not."""

    def call(self, *request: object, token: CancelToken | None = None, report: Report = silent) -> Any:
        """Ask the child. Raises: what it raised, Cancelled, and DeviceError if it died."""
        with self._lock:
            if token is not None:
                token.check()
            process = self._ensure()
            try:
                self._send(process, request)
                return self._await(process, token, report)
            except (EOFError, OSError) as error:
                code = process.poll()
                self._drop()
                message = "The retouching process ended unexpectedly."
                raise DeviceError(message, "Try again; nothing is lost.", exitcode=code) from error

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._drop()

    def _send(self, process: subprocess.Popen[bytes], message: tuple[object, ...]) -> None:
        assert process.stdin is not None
        send(process.stdin, message)

    def _await(self, process: subprocess.Popen[bytes], token: CancelToken | None, report: Report) -> Any:
        asked = False
        while True:
            if token is not None and token.cancelled and not asked:
                self._send(process, ("cancel",))
                asked = True
            try:
                answer = self._answers.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if answer is None:
                raise EOFError
            kind, *values = answer
            if kind == "progress":
                report(values[0])
            elif kind == "result":
                return unpack(values[0])
            elif kind == "cancelled":
                raise Cancelled
            elif kind == "unknown":
                raise _UnknownPhoto
            elif kind == "error":
                name, message, hint, context = values
                raise getattr(errors, name, EngineError)(message, hint, **context)
            else:
                raise RuntimeError(f"{values[0]}\n{values[1]}")

    def _ensure(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._drop()
        sweep()
        process = subprocess.Popen(
            self._command or _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows would show a console
        )
        answers: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(process.stdout, answers), name="porelight-answers", daemon=True)
        reader.start()
        self._process, self._answers, self._reader = process, answers, reader
        self.generation += 1
        return process

    def _drop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if self._reader is not None:
            self._reader.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _command() -> list[str]:
    """How the child is started; a frozen program is its own interpreter and knows the hidden command."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "engine-host"]
    return [sys.executable, "-c", "from engine.host import main; main()"]


def _read(pipe: BinaryIO, answers: queue.SimpleQueue[tuple[Any, ...] | None]) -> None:
    """In the reading thread: answers until the child is gone, then None."""
    while True:
        try:
            answers.put(receive(pipe))
        except (EOFError, OSError, ValueError):
            answers.put(None)
            return


class HostedSession(RetouchSession):
    """A session whose faces are found, and whose proposals are drawn, in the child."""

    def __init__(self, photo: Photo, host: EngineHost) -> None:
        super().__init__(photo)
        self._host = host
        self._key = next(_keys)
        self._sent: tuple[FaceAnalysis, ...] | None = None

    def analyse(self, boxes: Sequence[Box] | None = None) -> tuple[FaceAnalysis, ...]:
        boxes = None if boxes is None else tuple(boxes)
        with self.timed("analyse"):
            self.faces, self.skipped = self._ask("analyse", boxes)
        self.boxes, self._sent = boxes, self.faces
        return self._analysed()

    def draw(
        self, policy: Any, spec: ProposalSpec, *, token: CancelToken | None = None, report: Report = silent
    ) -> Proposal:
        self.require_faces()
        if self._sent is not self.faces:
            self._send()
        with self.timed("draw"):
            proposal, faces = self._ask("draw", policy.name, spec, token=token, report=report)
        if faces is not None:
            self.faces = self._sent = faces
        layers = {
            face.id: replace(
                proposal.layers[face.id], regions={area: face.regions[area] for area in AREAS if area in face.regions}
            )
            for face in self.faces
        }
        drawn: Proposal = replace(proposal, layers=layers)
        return drawn

    def _ask(self, kind: str, *arguments: object, token: CancelToken | None = None, report: Report = silent) -> Any:
        """Ask the child about this photo. It may not have it: it is new, or it opened others since. Then it gets it."""
        while True:
            try:
                return self._host.call(kind, self._key, *arguments, token=token, report=report)
            except _UnknownPhoto:
                self._send()

    def _send(self) -> None:
        """Give the child the photo and its faces."""
        photo = replace(self.photo, pixels=np.ascontiguousarray(self.photo.pixels), alpha=None)
        packed = pack((photo, self.faces))
        try:
            self._host.call("open", self._key, packed)
        finally:
            with contextlib.suppress(OSError):  # a child that died has not taken it
                Path(packed[1]).unlink()
        self._sent = self.faces
