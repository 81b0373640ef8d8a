"""Retouching from file to file: `run` for one photo, `run_batch` for many, which goes on after failures.

One photo at a time uses the policy (it uses the whole machine anyway); with several jobs, reading, analysing, measuring
and writing of other photos go on beside it in threads.
"""

from __future__ import annotations

import errno
import functools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine import outputs, sidecar
from engine.delivery.recipe import Recipe
from engine.errors import Cancelled, DeviceError, DiskFullError, EngineError, ExportError, NoFaceError
from engine.jobs import CancelToken, Progress, Report, silent, within
from engine.outputs import Target
from engine.policies import versions
from engine.policies.base import Policy
from engine.policies.registry import load_policy, remembered
from engine.proposal import SamplerSettings
from engine.report import PhotoReport, as_json, measure
from engine.session import RetouchSession
from engine.sidecar import Sidecar
from engine.types import Box, Strengths

log = logging.getLogger(__name__)

LIKE_THE_PHOTO = Recipe()

STAGES = {"read": 0.0, "analyse": 0.1, "propose": 0.3, "render": 0.8, "write": 0.9}
"""Stage → fraction of a photo's whole job at which it begins; for progress only."""


@dataclass(frozen=True)
class Delivery:
    """One file to be written: where, and how it is made."""

    target: Target
    recipe: Recipe = LIKE_THE_PHOTO


@dataclass(frozen=True)
class RetouchRequest:
    """Everything one photo's job needs. deliveries: the files to write; none: nothing is exported.

    strengths, amount, policy, sampler and seed: None or absent means what `edits` or the sidecar (with `sidecar`) says,
    else the default. edits: taken up instead of the sidecar's. inputs: photos that no result may replace.
    """

    source: Path
    deliveries: tuple[Delivery, ...] = ()
    strengths: Mapping[str, float] = field(default_factory=dict)
    amount: float | None = None
    policy: str | None = None
    model: Path | None = None
    device: str = "auto"
    sampler: SamplerSettings | None = None
    seed: int | None = None
    instruction: str = ""
    boxes: tuple[Box, ...] | None = None
    overwrite: bool = False
    sidecar: bool = False
    edits: Sidecar | None = None
    inputs: frozenset[Path] = frozenset()


class Status(StrEnum):
    """How a photo's job ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class RetouchResult:
    """What became of one photo. reason: one sentence for skipped and failed. code: of the error, stable. outputs: the
    files written."""

    source: Path
    status: Status
    reason: str = ""
    hint: str = ""
    code: str = ""
    outputs: tuple[Path, ...] = ()
    sidecar: Path | None = None
    notes: tuple[str, ...] = ()
    report: PhotoReport | None = None

    @property
    def output(self) -> Path | None:
        """The first file written."""
        return self.outputs[0] if self.outputs else None

    def as_json(self) -> dict[str, Any]:
        """For the report file."""
        data: dict[str, Any] = {"source": str(self.source), "status": self.status.value}
        for name in ("reason", "hint", "code", "output", "sidecar"):
            if value := getattr(self, name):
                data[name] = str(value)
        if len(self.outputs) > 1:
            data["outputs"] = [str(path) for path in self.outputs]
        return {**data, "notes": list(self.notes), **(as_json(self.report) if self.report else {})}


def count(results: Sequence[RetouchResult]) -> dict[str, int]:
    """How many photos ended how; the counts add up to "total"."""
    counted = Counter(result.status for result in results)
    return {"total": len(results), **{status.value: counted[status] for status in Status}}


class PolicyPool:
    """Loads each policy once, on a thread of its own, so that reading and analysing need not wait for it."""

    def __init__(self, load: Callable[..., Policy] = load_policy) -> None:
        self.lane = threading.Lock()
        self._load = load
        self._futures: dict[tuple[object, ...], Future[Policy]] = {}
        self._guard = threading.Lock()

    def prefetch(self, name: str, model: Path | None, device: str) -> Future[Policy]:
        """Begin to load a policy if nobody has."""
        with self._guard:
            key = (name, model, device)
            if key not in self._futures:
                self._futures[key] = future = Future[Policy]()
                threading.Thread(target=self._fill, args=(future, *key), name="load-policy").start()
            return self._futures[key]

    def get(self, name: str, model: Path | None, device: str) -> Policy:
        """The policy, once loaded. Raises: what `load_policy` raises."""
        return self.prefetch(name, model, device).result()

    def _fill(self, future: Future[Policy], name: str, model: Path | None, device: str) -> None:
        try:
            future.set_result(self._load(name, model=model, device=device))
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the policy
            future.set_exception(error)


def run(
    request: RetouchRequest,
    token: CancelToken | None = None,
    report: Report = silent,
    policies: PolicyPool | None = None,
    open: Callable[[Path], RetouchSession] | None = None,
) -> RetouchResult:
    """Retouch one photo. A photo without a face, or whose result is there already, is skipped and nothing written.

    Raises: EngineError of every kind but NoFaceError, Cancelled.
    """
    token, pool = token or CancelToken(), policies or PolicyPool()
    if there := _existing(request, [_path_before(request.source, each) for each in request.deliveries]):
        return there
    _begin(token, report, "read")
    pool.prefetch(request.policy or versions.active(), request.model, request.device)
    session = (open or RetouchSession.open)(request.source)
    files = [path_of(session, each) for each in request.deliveries]
    if there := _existing(request, files):
        return there
    saved = request.edits or (sidecar.load(request.source) if request.sidecar else None)
    _begin(token, report, "analyse")
    session.analyse(saved.boxes if saved and request.boxes is None else request.boxes)
    try:
        session.require_faces()
    except NoFaceError as error:
        return replace(failed(request, error), notes=tuple(session.notes))
    with session.timed("load"):
        policy = pool.get(policy_name(request, saved), request.model, request.device)
    with pool.lane:
        _begin(token, report, "propose")
        inside = within(report, STAGES["propose"], STAGES["render"], stage="propose")
        propose(session, request, policy, saved, token=token, report=inside)
    return deliver(session, request, files, token, report)


def run_batch(
    requests: Sequence[RetouchRequest],
    token: CancelToken | None = None,
    report: Callable[[int, Progress], None] = lambda _index, _progress: None,
    finished: Callable[[int, RetouchResult], None] = lambda _index, _result: None,
    *,
    jobs: int = 1,
    policies: PolicyPool | None = None,
) -> list[RetouchResult]:
    """Retouch many photos, going on after failures; one result per request, in their order, whatever happens.

    report: progress of a request, from worker threads. finished: each result as it comes, in the calling thread.
    """
    token, pool = token or CancelToken(), policies or PolicyPool()
    results: dict[int, RetouchResult] = {}

    def work(index: int) -> RetouchResult:
        return attempt(requests[index], token, functools.partial(report, index), pool)

    if jobs <= 1:
        for index in range(len(requests)):
            results[index] = work(index)
            finished(index, results[index])
    else:
        with ThreadPoolExecutor(jobs, thread_name_prefix="retouch") as executor:
            futures = {executor.submit(work, index): index for index in range(len(requests))}
            try:
                for future in as_completed(futures):
                    index = futures[future]
                    results[index] = future.result()
                    finished(index, results[index])
            except BaseException:
                token.cancel()
                raise
    return [results[index] for index in range(len(requests))]


def attempt(
    request: RetouchRequest,
    token: CancelToken,
    report: Report,
    pool: PolicyPool,
    open: Callable[[Path], RetouchSession] | None = None,
) -> RetouchResult:
    """`run`, with every error as a result."""
    try:
        token.check()
        return run(request, token, report, pool, open)
    except Exception as error:  # noqa: BLE001 - a batch goes on whatever one photo does to a library
        return failed(request, error)


def failed(request: RetouchRequest, error: Exception) -> RetouchResult:
    """What an exception makes of a photo's job: cancelled, skipped for want of a face, or failed with the reason."""
    if isinstance(error, Cancelled):
        return RetouchResult(request.source, Status.CANCELLED)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        error = DeviceError(
            f"There is not enough memory for {request.source.name}.", "Close other programs or use --jobs 1."
        )
    if isinstance(error, EngineError):
        status = Status.SKIPPED if isinstance(error, NoFaceError) else Status.FAILED
        return RetouchResult(request.source, status, error.message, error.hint, error.code)
    log.error("unexpected error while retouching", exc_info=error)
    reason = f"{request.source.name}: unexpected {type(error).__name__}: {error}"
    return RetouchResult(request.source, Status.FAILED, reason, "Please report this; the log holds more.", "bug")


def propose(
    session: RetouchSession,
    request: RetouchRequest,
    policy: Policy,
    saved: Sidecar | None = None,
    *,
    token: CancelToken | None = None,
    report: Report = silent,
) -> None:
    """Make the proposal and edits that request and sidecar ask for, the request first. Raises: as the session's."""
    asked = (request.policy, request.sampler, request.seed, request.instruction or None)
    asked_anew = any(value is not None for value in asked)
    if saved is not None and saved.proposal is not None and not asked_anew:
        session.restore(saved, policy, token=token, report=report)
    else:
        before = saved.proposal if saved else None
        sampler = request.sampler or (before.sampler if before else SamplerSettings())
        seed = request.seed
        if seed is None and before and before.exploration > 0:
            seed = before.seed
        if seed is None and request.sampler is not None:
            seed = 0  # a sampler is asked for, so a sample
        session.propose(policy, sampler, seed, instruction=request.instruction, token=token, report=report)
        if saved is not None:
            session.apply(saved)
    for face in session.faces:
        old = session.edits[face.id].strengths
        amount = old.amount if request.amount is None else request.amount
        session.set_strengths(Strengths({**old.values, **request.strengths}, amount), face.id)


def deliver(
    session: RetouchSession,
    request: RetouchRequest,
    files: Sequence[Path],
    token: CancelToken,
    report: Report = silent,
) -> RetouchResult:
    """Render, measure and write a session's current proposal, to one file per delivery of the request.

    Raises: ExportError, also if a pixel outside the masks would change (nothing is written then), Cancelled.
    """
    _begin(token, report, "render")
    pixels = session.render()
    with session.timed("measure"):
        measured = measure(session.photo, pixels, session.faces, session.layers())
    if measured.outside_difference:
        raise ExportError(
            f"{request.source.name}: pixels outside the faces would change by {measured.outside_difference}.",
            "Nothing was written; please report this.",
        )
    _begin(token, report, "write")
    # First the edits, which are the work; if the picture fails then, nothing is lost and nothing is half done.
    kept = session.save_sidecar() if request.sidecar else None
    notes: list[str] = []
    written = []
    for number, (file, delivery) in enumerate(zip(files, request.deliveries, strict=True)):
        token.check()
        replaces = request.overwrite or delivery.recipe.existing == "replace"
        if file.exists() and not replaces:
            notes.append(f"{file.name} is there already and was left as it is.")
            continue
        report(Progress("write", STAGES["write"] + (1 - STAGES["write"]) * number / len(files), file.name))
        _make_folder(file.parent)
        notes += session.export(file, delivery.recipe, pixels=pixels, overwrite=replaces, inputs=request.inputs)
        written.append(file)
    report(Progress("done", 1.0))
    proposal = session.proposal
    assert proposal is not None
    skipped = tuple(asdict(face) for face in session.skipped)
    whole = replace(
        measured,
        skipped_faces=skipped,
        proposal=asdict(proposal.spec),
        device=proposal.device,
        seconds=dict(session.seconds),
    )
    return RetouchResult(
        request.source,
        Status.DONE,
        outputs=tuple(written),
        sidecar=kept,
        notes=tuple(dict.fromkeys((*session.notes, *notes))),
        report=whole,
    )


def policy_name(request: RetouchRequest, saved: Sidecar | None) -> str:
    """The policy that request and sidecar ask for; if neither does, the active one.

    Raises: ModelMissingError if the sidecar's is not here.
    """
    if request.policy is not None:
        return request.policy
    if saved is not None and saved.proposal is not None:
        return remembered(saved.proposal.policy, saved.proposal.policy_version)
    return versions.active()


def path_of(session: RetouchSession, delivery: Delivery) -> Path:
    """The file of a delivery, once the photo is read."""
    format = outputs.format_of(session.photo, delivery.recipe.written)
    return delivery.target.with_suffix(outputs.suffix_of(session.photo.path, format))


def _path_before(source: Path, delivery: Delivery) -> Path | None:
    """The file of a delivery, if that is known before the photo is read."""
    suffix = outputs.only_suffix(source, delivery.recipe.written)
    return None if suffix is None else delivery.target.with_suffix(suffix)


def _existing(request: RetouchRequest, files: Sequence[Path | None]) -> RetouchResult | None:
    """The result "skipped" if all files are there and may not be replaced."""
    for file, delivery in zip(files, request.deliveries, strict=True):
        if file is None or request.overwrite or delivery.recipe.existing == "replace":
            return None
        try:
            if not file.exists():
                return None
        except OSError:  # a name too long; writing will say so
            return None
    if not files:
        return None
    names = ", ".join(file.name for file in files if file is not None)
    word = f"the result {names} is" if len(files) == 1 else f"the results {names} are"
    reason = f"{request.source.name}: {word} there already."
    return RetouchResult(request.source, Status.SKIPPED, reason, "Use --overwrite to replace it.", "exists")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = f"The output folder {folder.name} cannot be made: the disk is full."
            raise DiskFullError(message, "Free some space and export again.") from error
        message = f"The output folder {folder.name} cannot be made: {error.strerror}."
        raise ExportError(message, "Choose another --out.") from error


def _begin(token: CancelToken, report: Report, stage: str) -> None:
    token.check()
    report(Progress(stage, STAGES[stage]))
