"""Sidecars: nothing lost, nothing of a newer version touched, damage told apart, edits found again by place."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import journal, paths, sidecar
from engine.errors import SidecarError
from engine.proposal import ProposalSpec, SamplerSettings
from engine.sidecar import FaceEntry, MarkChoice, PhotoId, Sidecar
from engine.types import LAYERS, Brushwork, Decision, FaceEdits, Mark, MarkKind, OwnMark, Strengths
from tests.helpers.faces import synthetic_face

SETTINGS = SamplerSettings("dpg", steps=8, shift=1.5)
SPEC = ProposalSpec("compact", "1-abc", 3, SETTINGS)
VARIED = ProposalSpec("compact", "1-abc", 4, SETTINGS, exploration=0.25, anchor=SPEC)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "Ünï 写真.jpg"
    path.write_bytes(b"not read here")
    return path


def _sidecar(**changes: object) -> Sidecar:
    face = FaceEntry(
        id="f1",
        box=(1, 2, 30, 40),
        amount=40,
        strengths={"heal": 70},
        decisions=(MarkChoice(id="m0", centre=(9.5, 8.25), radius=2.5, decision=Decision.KEEP),),
    )
    data = {"photo": PhotoId(name="a.jpg", sha256="0" * 64, width=60, height=50), "proposal": VARIED, "faces": (face,)}
    return Sidecar.model_validate({**data, **changes})


def test_everything_comes_back(photo: Path) -> None:
    path = sidecar.save(_sidecar(boxes=((1, 2, 3, 4),)), photo)
    assert path == photo.with_name("Ünï 写真.jpg.porelight.json")
    again = sidecar.load(photo)
    assert again is not None
    assert again.model_copy(update={"saved": ""}) == _sidecar(boxes=((1, 2, 3, 4),))
    assert again.proposal == VARIED and again.proposal.anchor == SPEC


def test_the_file_is_plain_json_with_its_version(photo: Path) -> None:
    data = json.loads(sidecar.save(_sidecar(), photo).read_bytes())
    assert data["version"] == sidecar.VERSION == 3
    assert data["proposal"]["anchor"]["sampler"] == {
        **{"kind": "dpg", "steps": 8, "shift": 1.5, "eta": 0.8, "segments": 3, "lambda_max": 0.9, "form": "cps"}
    }
    assert data["faces"][0]["decisions"][0] == {"id": "m0", "centre": [9.5, 8.25], "radius": 2.5, "decision": "keep"}


def test_no_sidecar_is_no_error(photo: Path) -> None:
    assert sidecar.load(photo) is None


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"version": 1}',
        b'{"version": 1, "faces": [7, {"strengths": 3}]}',
        b'{"version": 2}',
        b'{"version": 3}',
        b"\xff\xfe\x00",
        b'{"version": "1"}',
        b'{"version": 0, "photo": {}}',
        b"[" * 100_000,
    ],
)
def test_damage_is_said_and_left_alone(photo: Path, damage: bytes) -> None:
    path = sidecar.beside(photo)
    path.write_bytes(damage)
    with pytest.raises(SidecarError, match="damaged") as caught:
        sidecar.load(photo)
    assert path.name in caught.value.message and caught.value.hint
    assert path.read_bytes() == damage


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("faces", 0, "amount"), 101),
        (("faces", 0, "amount"), None),
        (("faces", 0, "strengths"), {"beauty": 50}),
        (("faces", 0, "strengths", "heal"), -1),
        (("faces", 0, "box"), [1, 2, 3]),
        (("faces", 0, "decisions", 0, "decision"), "perhaps"),
        (("proposal", "sampler", "kind"), "magic"),
        (("proposal", "surprise"), 1),
        (("photo", "width"), "wide"),
        (("surprise",), 1),
    ],
)
def test_values_outside_the_schema_are_damage(photo: Path, where: tuple[str | int, ...], value: object) -> None:
    path = sidecar.save(_sidecar(), photo)
    data = json.loads(path.read_bytes())
    inner = data
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    path.write_text(json.dumps(data))
    with pytest.raises(SidecarError, match="damaged"):
        sidecar.load(photo)


def test_nan_is_damage(photo: Path) -> None:
    path = sidecar.save(_sidecar(), photo)
    path.write_text(path.read_text().replace("40.0", "NaN"))
    assert "NaN" in path.read_text()
    with pytest.raises(SidecarError, match="damaged"):
        sidecar.load(photo)


def test_a_damaged_file_is_kept_when_another_is_saved(photo: Path) -> None:
    path = sidecar.beside(photo)
    for number in (1, 2):
        path.write_bytes(b"damage %d" % number)
        sidecar.save(_sidecar(), photo)
        assert path.with_name(f"{path.name}.damaged-{number}").read_bytes() == b"damage %d" % number
    assert sidecar.load(photo) is not None


def test_a_newer_version_is_neither_read_nor_replaced(photo: Path) -> None:
    path = sidecar.save(_sidecar(), photo)
    newer = path.read_text().replace('"version": 3', '"version": 4')
    path.write_text(newer)
    with pytest.raises(SidecarError, match="newer"):
        sidecar.load(photo)
    with pytest.raises(SidecarError, match="newer"):
        sidecar.save(_sidecar(), photo)
    assert path.read_text() == newer
    assert not list(photo.parent.glob("*.damaged*")) and not list(photo.parent.glob(".porelight*"))


def test_a_read_only_folder_sends_it_to_the_users_folder(
    photo: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = paths.write_atomic

    def refuse(path: Path, data: bytes) -> None:
        if path.parent == photo.parent:
            raise PermissionError(13, "Permission denied")
        write(path, data)

    monkeypatch.setattr(paths, "write_atomic", refuse)
    path = sidecar.save(_sidecar(), photo)
    assert home in path.parents
    assert sidecar.load(photo) is not None
    twin = photo.parent / "other" / photo.name
    assert sidecar.in_user_folder(twin) != path
    assert sidecar.load(twin) is None


def test_of_two_the_later_wins(photo: Path) -> None:
    sidecar.save(_sidecar(application="first"), photo, user_folder=True)
    sidecar.save(_sidecar(application="second"), photo)
    assert (sidecar.load(photo) or _sidecar()).application == "second"
    sidecar.save(_sidecar(application="third"), photo, user_folder=True)
    assert (sidecar.load(photo) or _sidecar()).application == "third"


def test_a_full_disk_leaves_the_old_one(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sidecar.save(_sidecar(), photo)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SidecarError, match="No space left"):
        sidecar.save(_sidecar(application="new"), photo)
    assert path.read_bytes() == before
    assert not list(photo.parent.glob(".porelight*"))


def test_a_very_long_name_still_gets_a_sidecar(tmp_path: Path, home: Path) -> None:
    photo = tmp_path / ("n" * 247 + ".jpg")
    photo.write_bytes(b"x")
    path = sidecar.save(_sidecar(), photo)
    assert home in path.parents
    assert sidecar.load(photo) is not None


def _mark(name: str, x: float, y: float, radius: float = 3.0) -> Mark:
    return Mark(name, (x, y), radius, 10.0, MarkKind.MOLE, 0.9, Decision.KEEP)


def test_decisions_follow_their_marks_and_not_their_ids() -> None:
    face = synthetic_face()[1]
    edits = FaceEdits(Strengths({"tone": 20}, 60), {"a": Decision.REMOVE, "b": Decision.REMOVE, "gone": Decision.KEEP})
    entry = FaceEntry.of(face, edits, [_mark("a", 10, 10), _mark("b", 50, 50), _mark("c", 90, 90)])
    again = entry.edits([_mark("b", 11, 10), _mark("x", 90, 90)])
    assert again.decisions == {"b": Decision.REMOVE}
    assert again.strengths == edits.strengths and again.enabled


def test_entries_find_their_faces_by_overlap() -> None:
    left, right = (synthetic_face(face_id=name)[1] for name in ("one", "two"))
    object.__setattr__(left, "box", (0, 0, 100, 100))
    object.__setattr__(right, "box", (200, 0, 300, 100))
    saved = (
        FaceEntry(id="two", box=(5, 0, 104, 99), amount=10),
        FaceEntry(id="one", box=(205, 3, 301, 99), amount=20),
        FaceEntry(id="three", box=(400, 0, 500, 100), amount=30),
    )
    found = _sidecar(faces=saved).face_entries([left, right])
    assert {key: entry.amount for key, entry in found.items()} == {"one": 10, "two": 20}


def test_a_file_of_version_2_is_read_and_is_as_untouched_as_it_was(photo: Path) -> None:
    entry = FaceEntry(id="face-0", box=(2, 3, 20, 30))
    path = sidecar.save(_sidecar(faces=(entry,), proposal=SPEC), photo)
    old = json.loads(path.read_text())
    old["version"] = 2
    del old["faces"][0]["doubted"]
    assert sidecar.untouched(old) and not sidecar.untouched({**old, "version": 1})
    path.write_text(json.dumps(old))
    loaded = sidecar.load(photo)
    assert loaded is not None and loaded.faces == (entry,) and loaded.version == 3


def test_fields_change_only_with_the_version() -> None:
    """Who adds, renames or drops a field gives a new number to sidecars and journals, and a step to `_upgraded`."""
    parts = Sidecar.model_json_schema()["$defs"] | {"Sidecar": Sidecar.model_json_schema()}
    fields = sorted(f"{name}.{field}" for name, part in parts.items() for field in part.get("properties", ()))
    checksum = hashlib.sha256(" ".join(fields).encode()).hexdigest()[:12]
    assert (sidecar.VERSION, journal.VERSION, checksum) == (3, 2, "981642085f03"), fields


def test_a_file_of_version_1_still_says_50_where_it_names_no_strength(photo: Path) -> None:
    path = sidecar.save(_sidecar(), photo)
    old = json.loads(path.read_text())
    old["version"], old["faces"][0]["strengths"] = 1, {"heal": 70, "teeth": 5}
    path.write_text(json.dumps(old))
    loaded = sidecar.load(photo)
    assert loaded is not None
    strengths = loaded.faces[0].edits([]).strengths
    assert strengths.values == {**dict.fromkeys(LAYERS, 50), "heal": 70, "teeth": 5}
    assert sidecar.read(sidecar.save(loaded, photo)).faces == loaded.faces


@given(
    amount=st.floats(0, 100),
    strengths=st.dictionaries(st.sampled_from(LAYERS), st.floats(0, 100)),
    enabled=st.booleans(),
)
def test_edits_survive_the_file_exactly(amount: float, strengths: dict[str, float], enabled: bool) -> None:
    face = synthetic_face((40, 40), width=20)[1]
    entry = FaceEntry.of(face, FaceEdits(Strengths(strengths, amount), {}, enabled), [])
    again = Sidecar.model_validate_json(_sidecar(faces=(entry,)).model_dump_json()).faces[0].edits([])
    assert again == FaceEdits(Strengths(strengths, amount), {}, enabled)


def test_regions_brushwork_and_own_marks_survive_the_file() -> None:
    face = synthetic_face((40, 40), width=20)[1]
    values = np.random.default_rng(0).integers(0, 256, face.grid.shape, np.uint8)
    work = Brushwork.of(face.grid, values)
    own = OwnMark("own-1", ((3.25, 4.5), (8.0, 9.0)), 2.5)
    edits = FaceEdits(
        decisions={"own-1": Decision.KEEP},
        regions={"chin": {"tone": 10.0}},
        brushwork={"all": work, "tone": work},
        marks=(own,),
        preserve=70,
    )
    mark = Mark("own-1", (5.6, 6.75), 5.0, 1.0, MarkKind.UNKNOWN, 1.0, Decision.REMOVE)
    text = _sidecar(faces=(FaceEntry.of(face, edits, [mark]),)).model_dump_json()
    again = Sidecar.model_validate_json(text).faces[0].edits([])
    assert again == edits
    assert np.array_equal(again.brushwork["all"].values(), values)
    cut = text.replace(base64.b64encode(work.data).decode(), base64.b64encode(work.data[:-9]).decode())
    with pytest.raises(ValueError, match="painted mask"):
        Sidecar.model_validate_json(cut)


@pytest.mark.parametrize(
    ("doubt", "enabled", "plain"), [("", True, True), ("", False, False), ("?", False, True), ("?", True, False)]
)
def test_only_a_switch_that_a_person_turned_is_an_edit(doubt: str, enabled: bool, plain: bool) -> None:
    face = replace(synthetic_face()[1], doubt=doubt)
    made = _sidecar(faces=(FaceEntry.of(face, FaceEdits(enabled=enabled), ()),), proposal=SPEC)
    assert sidecar.untouched(json.loads(made.model_dump_json())) is plain
