"""`porelight analyse`: what is seen in photos, without changing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands import common
from app.commands.common import Exit, guarded

if TYPE_CHECKING:
    from engine.session import RetouchSession
    from engine.types import Mark


@guarded
def analyse(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Photos, folders and globs.")],
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    marks: Annotated[bool, typer.Option("--marks", help="Also find marks and what the policy would do.")] = False,
    policy: common.Policy = None,
    model: common.Model = None,
    device: common.Device = "auto",
) -> None:
    """Find faces: boxes, sizes, poses, regions, and faces that would be skipped, with the reason."""
    from engine import outputs
    from engine.errors import EngineError
    from engine.policies import versions
    from engine.policies.registry import load_policy
    from engine.session import RetouchSession

    found: list[dict[str, Any]] = []
    failed = 0
    loaded = load_policy(policy or versions.active(), model=model, device=device) if marks else None
    for source in outputs.gather(inputs):
        try:
            session = RetouchSession.open(source.path)
            session.analyse()
            if loaded is not None and session.faces:
                session.propose(loaded)
            found.append(_describe(session))
        except EngineError as error:
            failed += 1
            found.append({"source": str(source.path), "error": error.message, "hint": error.hint, "code": error.code})
            common.show_error(error)
        if not json and "error" not in found[-1]:
            _show(found[-1])
    if json:
        common.print_json(found)
    raise typer.Exit(Exit.FAILED if failed else Exit.DONE)


def _describe(session: RetouchSession) -> dict[str, Any]:
    """Plain data on one analysed photo; region values are mean coverage of the face's grid."""
    photo = session.photo
    faces: list[dict[str, Any]] = [
        {
            "id": face.id,
            "box": [int(value) for value in face.box],
            "width": round(float(face.width), 1),
            "pose": dict(zip(("yaw", "pitch", "roll"), (round(float(v), 1) for v in face.pose), strict=True)),
            "confidence": round(float(face.confidence), 3),
            "doubt": face.doubt,
            "regions": {name: round(float(mask.mean()), 4) for name, mask in face.regions.items()},
        }
        for face in session.faces
    ]
    if session.proposal is not None:
        for face in faces:
            face["marks"] = [_describe_mark(mark) for mark in session.proposal.layers[face["id"]].marks]
    return {
        "source": str(photo.path),
        "format": photo.format,
        "size": list(photo.size),
        "depth": photo.depth,
        "icc": photo.icc is not None,
        "faces": faces,
        "skipped": [{"box": [int(value) for value in face.box], "reason": face.reason} for face in session.skipped],
        "notes": list(session.notes),
        "seconds": {stage: round(seconds, 3) for stage, seconds in session.seconds.items()},
    }


def _describe_mark(mark: Mark) -> dict[str, Any]:
    return {
        "id": mark.id,
        "kind": mark.kind.value,
        "centre": [round(float(value), 1) for value in mark.centre],
        "radius": round(float(mark.radius), 1),
        "contrast": round(float(mark.contrast), 2),
        "confidence": round(float(mark.confidence), 3),
        "decision": mark.decision.value,
    }


def _show(data: dict[str, Any]) -> None:
    width, height = data["size"]
    out = common.stdout()
    out.print(
        f"{common.printable(data['source'])}: {width}×{height}, {data['depth']} bit, {len(data['faces'])} faces",
        markup=False,
    )
    for face in data["faces"]:
        yaw, pitch, roll = face["pose"].values()
        out.print(
            f"  {face['id']}: {face['width']:.0f} px wide at {face['box']}, turned {yaw}°/{pitch}°/{roll}°",
            markup=False,
        )
        if face["doubt"]:
            out.print(f"    off by default: {face['doubt']}", markup=False)
        for mark in face.get("marks", ()):
            where = f"at {mark['centre']}, radius {mark['radius']}"
            out.print(f"    {mark['id']}: {mark['kind']} {where}: {mark['decision']}", markup=False)
    for face in data["skipped"]:
        out.print(f"  skipped at {face['box']}: {face['reason']}", markup=False)
    for note in data["notes"]:
        out.print(f"  note: {note}", markup=False)
