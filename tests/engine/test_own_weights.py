"""A person's own encoder: found where it belongs, told apart by its files, refused in one sentence if it is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine import doctor, paths
from engine.errors import EngineError, ModelCorruptError, ModelMissingError
from engine.weights import own


def folder(place: Path, value: float = 0.0, **config: object) -> Path:
    """A folder as it looks from outside."""
    place.mkdir(parents=True)
    described = {"model_type": "dinov2", "hidden_size": 384, "num_hidden_layers": 12, **config}
    (place / "config.json").write_text(json.dumps(described))
    save_file({"weight": np.full(3, value, np.float32)}, place / "model.safetensors")
    return place


def test_files_decide_the_digest_and_not_the_place(tmp_path: Path) -> None:
    first, same, other, layers = (
        own.inspect(each)
        for each in (
            folder(tmp_path / "a"),
            folder(tmp_path / "b"),
            folder(tmp_path / "c", 1.0),
            folder(tmp_path / "d", num_hidden_layers=11),
        )
    )
    assert first.digest == same.digest and len({first.digest, other.digest, layers.digest}) == 3
    assert first.title == f"DINOv2 (12 layers, 384 wide, {first.digest})"
    assert own.found(other.digest, tmp_path / "a", tmp_path / "c") == other
    with pytest.raises(ModelMissingError, match=f"encoder {other.digest}, which is not here"):
        own.found(other.digest, tmp_path / "a", tmp_path / "gone")


def test_one_lies_in_the_persons_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path))
    assert own.encoder() is None and own.encoder(own.NONE) is None
    (absent,) = doctor.check_own()
    assert not absent.ok and not absent.needed and str(own.encoder_home()) in absent.fix
    mine = own.inspect(folder(own.encoder_home()))
    assert own.encoder() == mine and own.encoder(own.NONE) is None
    assert own.found(mine.digest) == mine
    other = folder(tmp_path / "other", 2.0)
    assert own.encoder(str(other)) == own.inspect(other) != mine
    (check,) = doctor.check_own()
    assert check.ok and mine.digest in check.detail
    (own.encoder_home() / own.WEIGHTS).unlink()
    (check,) = doctor.check_own()
    assert not check.ok and not check.needed and "no model.safetensors" in check.detail
    with pytest.raises(ModelMissingError):
        own.encoder()


def test_what_is_no_encoder_is_refused(tmp_path: Path) -> None:
    def why(place: Path) -> str:
        with pytest.raises(EngineError) as caught:
            own.inspect(place)
        assert "dinov2-small" in caught.value.hint
        return caught.value.message

    assert "no encoder folder 'gone'" in why(tmp_path / "gone")
    assert "holds a clip network" in why(folder(tmp_path / "clip", model_type="clip", hidden_size=None))
    pickled = folder(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    assert "has no model.safetensors" in why(pickled), "a pickle is not opened"
    for name, words in (("config.json", "cannot be understood"), ("model.safetensors", "is damaged")):
        broken = folder(tmp_path / name)
        (broken / name).write_bytes((broken / name).read_bytes()[:20])
        assert words in why(broken)
    with pytest.raises(ModelCorruptError):
        own.inspect(folder(tmp_path / "list", hidden_size=[1]))
