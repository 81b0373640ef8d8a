"""Faces that are off until a person turns them on: prints, statues, passers-by; and that people are not among them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.faces import topology
from engine.faces.doubts import ONE_COLOUR, SKIN_COLOURS, colour_spread, doubted
from engine.types import FaceAnalysis, FaceGrid

ONE_COLOUR_ONLY = "It has one colour only, as a print or a statue."


def made(width: float, spread: float, name: str = "face-1") -> FaceAnalysis:
    """A face of one brown for each lightness, and independent colours of a standard deviation `spread` over it."""
    stream = np.random.default_rng(round(10 * spread))
    light = np.tile(np.linspace(30, 80, 200, dtype=np.float32), (240, 1))
    lab = np.stack([light, 4 + light / 10, 6 + light / 8], -1)
    noise = cv2.GaussianBlur(stream.standard_normal((240, 200, 2)).astype(np.float32), (0, 0), 12)
    lab[..., 1:] += noise / noise.std() * (spread / 2**0.5)
    landmarks = np.full((478, 2), 100, np.float32)
    angle = np.linspace(0, 2 * np.pi, len(topology.OVAL), endpoint=False)
    landmarks[topology.OVAL] = np.stack([100 + 80 * np.sin(angle), 120 - 100 * np.cos(angle)], 1)
    grid = FaceGrid((0, 0, 200, 240), (240, 200))
    return FaceAnalysis(name, (20, 20, 180, 220), landmarks, width, (0.0, 0.0, 0.0), 0.9, grid, lab, {})


def test_the_spread_of_colours_leaves_out_what_follows_from_lightness() -> None:
    assert colour_spread(made(160, 0)) < 0.05
    assert colour_spread(made(160, 4)) == pytest.approx(4, rel=0.25)


def test_one_colour_beside_a_face_in_colour_is_doubted() -> None:
    person, statue = doubted([made(600, 4), made(300, 0.5, "face-2")])
    assert (person.doubt, statue.doubt) == ("", ONE_COLOUR_ONLY)
    grown = doubted([made(600, 0.5), made(300, 4, "face-2")])  # the larger one may be the statue
    assert [face.doubt for face in grown] == [ONE_COLOUR_ONLY, ""]


def test_a_photo_in_one_colour_and_a_face_alone_are_not_doubted() -> None:
    assert [face.doubt for face in doubted([made(600, 0.2), made(300, 0, "face-2")])] == ["", ""]
    assert [face.doubt for face in doubted([made(600, 0)])] == [""]
    assert doubted([]) == ()


def test_a_much_smaller_face_is_doubted_with_both_widths() -> None:
    large = made(1000, 4)
    small, child = replace(large, id="face-2", width=240.0), replace(large, id="face-3", width=260.0)
    assert [face.doubt for face in doubted([large, small, child])] == [
        "",
        "It is much smaller than the largest (240 and 1000 px).",
        "",
    ]


@pytest.mark.parametrize("name", ["test/groups/detection5.jpg", "test/large/07_students.jpg"])
def test_people_together_are_not_doubted(analysed, name) -> None:
    faces, _ = analysed(name, 3000)
    assert len(faces) >= 3 and all(face.doubt == "" for face in faces)


@pytest.mark.parametrize(
    "name",
    [
        "test/large/pexels-aadil-2598024.jpg",
        "train/canada/003f.jpg",
        "train/officials/tim-scott.jpg",
        "train/london/neutral_081.jpg",  # the least of 198
    ],
)
def test_living_faces_have_colours_of_their_own(analysed, name) -> None:
    (face,), _ = analysed(name)
    assert colour_spread(face) > SKIN_COLOURS > ONE_COLOUR
