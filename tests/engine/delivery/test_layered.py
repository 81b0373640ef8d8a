"""Layered TIFF: the layers are read back by psdtags and laid over each other by the published blending formulas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psdtags
import pytest
import tifffile

from engine.delivery.recipe import Recipe
from engine.session import RetouchSession
from engine.types import Strengths
from tests.helpers import fake_policy
from tests.helpers.fake_policy import FakePolicy, portrait
from tests.helpers.photos import ADOBE_RGB


@pytest.fixture(autouse=True)
def _faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_policy.install(monkeypatch, tmp_path / "home")


def flattened(path: Path) -> tuple[np.ndarray, list[str]]:
    """Composite of the layers as Photoshop's documentation defines it, full scale 1."""
    data = psdtags.TiffImageSourceData.fromtiff(path)
    shape = tifffile.imread(path).shape
    out = np.zeros(shape, np.float64)
    names = []
    for layer in data.layers:
        names.append(layer.name)
        box = layer.rectangle
        part = out[box.top : box.bottom, box.left : box.right]
        planes = {channel.channelid: channel.data / 65535 for channel in layer.channels}
        ids = psdtags.PsdChannelId
        top = np.stack([planes[id] for id in (ids.CHANNEL0, ids.CHANNEL1, ids.CHANNEL2)], axis=-1)
        if layer.blendmode == psdtags.PsdBlendMode.LINEAR_LIGHT:
            top = np.clip(part + 2 * top - 1, 0, 1)
        else:
            assert layer.blendmode == psdtags.PsdBlendMode.NORMAL
        weight = planes.get(ids.USER_LAYER_MASK, np.ones(top.shape[:2]))[..., None]
        part[...] = part * (1 - weight) + top * weight
    return out, names


@pytest.mark.parametrize("depth", [8, 16])
def test_the_layers_flatten_to_the_export(tmp_path: Path, depth: int) -> None:
    session = RetouchSession.open(portrait(tmp_path / ("a.tif" if depth == 16 else "a.png"), depth=depth))
    session.analyse()
    session.propose(FakePolicy())
    session.set_strengths(Strengths({"smooth": 80, "tone": 60, "teeth": 70, "texture": 90}, 65))
    plain, layered = tmp_path / "plain.tif", tmp_path / "layered.tif"
    session.export(plain, Recipe(format="tiff"))
    session.export(layered, Recipe(format="layered"))
    flat, names = flattened(layered)
    wanted = tifffile.imread(plain) / (255 if depth == 8 else 65535)
    step = 0.5 / 255 if depth == 8 else 14 / 65535
    assert np.abs(flat - wanted).max() <= step + 14 / 65535
    assert names[0] == "Photo" and len(names) >= 3
    assert len(set(names)) == len(names)
    # What programs without layers show is the export itself.
    assert np.array_equal(
        tifffile.imread(layered), tifffile.imread(plain).astype(np.uint16) * (257 if depth == 8 else 1)
    )


def test_each_layer_changes_something_only_under_its_mask(tmp_path: Path) -> None:
    session = RetouchSession.open(portrait(tmp_path / "a.png"))
    session.analyse()
    session.propose(FakePolicy())
    path = tmp_path / "layered.tif"
    session.export(path, Recipe(format="layered"))
    data = psdtags.TiffImageSourceData.fromtiff(path)
    base, *rest = data.layers
    assert base.mask is None or base.mask.rectangle is None
    for layer in rest:
        masks = [c.data for c in layer.channels if c.channelid == psdtags.PsdChannelId.USER_LAYER_MASK]
        assert len(masks) == 1 and masks[0].any()


def test_profile_and_metadata_stay_in_a_layered_file(tmp_path: Path) -> None:
    from PIL import Image

    source = portrait(tmp_path / "a.png")
    with Image.open(source) as image:
        image.save(tmp_path / "b.png", icc_profile=ADOBE_RGB)
    session = RetouchSession.open(tmp_path / "b.png")
    session.analyse()
    session.propose(FakePolicy())
    session.export(tmp_path / "b.tif", Recipe(format="layered"))
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].tags[34675].value == ADOBE_RGB  # type: ignore[union-attr]
