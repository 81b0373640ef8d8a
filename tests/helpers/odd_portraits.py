"""Pictures that a retoucher must treat with care, some found, some built from portraits, and a page of what happens.

    python -m tests.helpers.odd_portraits PORTRAITS --out DIR [--anchors DIR]

Writes the pictures to DIR/photos and an evaluation of them to DIR; each picture's name says whether it is a photo or
built. The folder stays out of the project.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engine.faces import topology
from engine.faces.analysis import analyse
from engine.imageio.colour import to_srgb8
from engine.imageio.read import read_photo
from engine.types import FaceAnalysis, Metadata, Photo

Srgb8 = np.ndarray
LONG = 1400
PLAIN = "train/london/neutral_002.jpg"
OTHER = "train/london/neutral_022.jpg"


@dataclass(frozen=True)
class Odd:
    """A picture. built: from a portrait, by `make`, as `how` says; else a photo as it is."""

    name: str
    built: bool
    how: str
    make: Callable[[Path], Srgb8]

    @property
    def file(self) -> str:
        return f"{self.name}, {'built' if self.built else 'photo'}.png"


def _picture(folder: Path, name: str) -> Srgb8:
    photo = read_photo(folder / name)
    scale = LONG / max(photo.size)
    pixels = photo.pixels if scale >= 1 else cv2.resize(photo.pixels, None, fx=scale, fy=scale, interpolation=3)
    return to_srgb8(np.ascontiguousarray(pixels), photo.icc)


def _face(picture: Srgb8) -> FaceAnalysis:
    return analyse(as_photo(picture), embed=False)[0][0]


def as_photo(picture: Srgb8) -> Photo:
    return Photo(np.ascontiguousarray(picture), None, Metadata(), Path("made.png"), "png")


def _photo(name: str) -> Callable[[Path], Srgb8]:
    return lambda folder: _picture(folder, name)


def _half_out(folder: Path, share: float = 0.0) -> Srgb8:
    """Cut at the middle of the nose, moved by a share of W."""
    picture = _picture(folder, PLAIN)
    face = _face(picture)
    return picture[:, int(face.landmarks[topology.NOSE_TIP][0] + share * face.width) :]


def _turned(folder: Path) -> Srgb8:
    """The student who is turned away most."""
    photo = read_photo(folder / "test/large/07_students.jpg")
    faces, _ = analyse(photo, embed=False)
    face = max(faces, key=lambda f: abs(f.pose[0]))
    x0, y0, x1, y1 = face.grid.box
    return to_srgb8(np.ascontiguousarray(photo.pixels[max(y0 - 60, 0) : y1 + 60, max(x0 - 60, 0) : x1 + 60]), photo.icc)


def _eyes_closed(folder: Path) -> Srgb8:
    """The eyes are filled from around them, and a line of lashes is drawn."""
    picture = _picture(folder, PLAIN)
    face = _face(picture)
    hole = np.zeros(picture.shape[:2], np.uint8)
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE):
        cv2.fillPoly(hole, [np.rint(face.landmarks[ring]).astype(np.int32)], 255)
    hole = cv2.dilate(hole, np.ones((round(face.width / 40) | 1,) * 2, np.uint8))
    picture = cv2.inpaint(picture, hole, 5, cv2.INPAINT_TELEA)
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE):
        low = face.landmarks[ring[8:] + ring[:1]]  # the lower lid, from corner to corner
        line = np.rint(low * 8).astype(np.int32)
        cv2.polylines(picture, [line], False, (70, 50, 42), max(2, round(face.width / 160)), cv2.LINE_AA, 3)
    return picture


def _hand(folder: Path) -> Srgb8:
    """Fingers of the face's own skin colour are painted over its lower half."""
    picture = _picture(folder, PLAIN)
    face = _face(picture)
    w = face.width
    chin = face.landmarks[topology.CHIN]
    sample = picture[int(face.landmarks[50][1]), int(face.landmarks[50][0])].astype(np.float32)
    for finger in range(4):
        start = chin + np.float32([(-0.62 + 0.07 * finger) * w, (0.35 - 0.14 * finger) * w])
        end = chin + np.float32([(0.0 + 0.05 * finger) * w, (-0.14 - 0.16 * finger) * w])
        for share, light in ((1.0, 0.72), (0.8, 0.9), (0.5, 1.02)):
            colour = tuple(float(v) for v in np.clip(sample * light, 0, 255))
            a, b = (tuple(int(v) for v in np.rint(p)) for p in (start, end))
            cv2.line(picture, a, b, colour, max(2, round(0.15 * w * share)), cv2.LINE_AA)
    return picture


def _coloured_light(folder: Path) -> Srgb8:
    """Red light from the left, blue from the right, in linear light."""
    picture = _picture(folder, PLAIN).astype(np.float32) / 255
    linear = picture**2.2
    across = np.linspace(0, 1, picture.shape[1], dtype=np.float32)[None, :, None]
    left, right = np.float32([1.0, 0.12, 0.25]), np.float32([0.12, 0.25, 1.0])
    lit = linear * (left * (1 - across) + right * across) * 1.6
    return np.rint(np.clip(lit, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def _printed(folder: Path) -> Srgb8:
    """Another portrait hangs in the background as a faded, framed print."""
    picture, other = _picture(folder, PLAIN), _picture(folder, OTHER)
    picture = cv2.copyMakeBorder(picture, 0, 0, 0, picture.shape[1] // 2, cv2.BORDER_REPLICATE)
    height = picture.shape[0] // 2
    width = round(other.shape[1] * height / other.shape[0])
    small = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    faded = np.clip(small.mean(2, keepdims=True) * [1.0, 0.93, 0.8] * 0.6 + 70, 0, 255)
    dots = 12 * np.sin(np.arange(width) * 2.1)[None, :, None] * np.sin(np.arange(height) * 2.1)[:, None, None]
    framed = cv2.copyMakeBorder(
        np.clip(faded + dots, 0, 255).astype(np.uint8), 14, 14, 14, 14, cv2.BORDER_CONSTANT, value=(40, 32, 26)
    )
    h, w = framed.shape[:2]
    picture[20 : 20 + h, -w - 10 : -10] = framed
    return picture


def _doll(folder: Path) -> Srgb8:
    """Skin without texture, flat colours, large eyes."""
    picture = _picture(folder, PLAIN)
    face = _face(picture)
    smooth = picture
    for _ in range(6):
        smooth = cv2.bilateralFilter(smooth, 0, 30, face.width / 60)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    shift_x, shift_y = np.zeros_like(rows), np.zeros_like(rows)
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE):
        x, y = face.landmarks[ring].mean(0)
        near = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (0.13 * face.width) ** 2))
        shift_x, shift_y = shift_x - 0.3 * (columns - x) * near, shift_y - 0.3 * (rows - y) * near
    warped = cv2.remap(smooth, columns + shift_x, rows + shift_y, cv2.INTER_CUBIC)
    hsv = cv2.cvtColor(warped, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.25, 0, 255)
    hsv[..., 2] = np.clip(hsv[..., 2] * 1.15, 0, 255)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)


ODD = (
    Odd("half out of the frame", True, "cut at the nose", _half_out),
    Odd("a third out of the frame", True, "cut through the eye", lambda folder: _half_out(folder, -0.22)),
    Odd("turned far away", False, "", _turned),
    Odd("eyes closed", True, "eyes filled, lashes drawn", _eyes_closed),
    Odd("fingers before the face", True, "fingers painted", _hand),
    Odd("heavy beard", False, "", _photo("train/officials/al-green.jpg")),
    Odd("beard, large", False, "", _photo("test/large/pexels-simon-robben-614810.jpg")),
    Odd("glasses", False, "", _photo("train/officials/karen-bass.jpg")),
    Odd("black and white", False, "", _photo("test/large/01_child.jpg")),
    Odd("coloured light", True, "red and blue light", _coloured_light),
    Odd("a print in the background", True, "another portrait as a print", _printed),
    Odd("a doll", True, "no texture, flat colours, large eyes", _doll),
    Odd("a child with freckles", False, "", _photo("test/large/pexels-aadil-2598024.jpg")),
)


def main() -> None:
    from engine.evaluation import write
    from engine.evaluation.cases import Case
    from engine.evaluation.run import Tools, evaluate
    from engine.policies.registry import DEFAULT, load_policy

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portraits", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--anchors", type=Path, help="folder of N_input pictures: number 3 has real hands on the face")
    args = parser.parse_args()
    photos = args.out / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    cases = []
    for odd in ODD:
        cv2.imwrite(str(photos / odd.file), cv2.cvtColor(odd.make(args.portraits), cv2.COLOR_RGB2BGR))
        cases.append(Case(Path(odd.file).stem + (f" ({odd.how})" if odd.how else ""), photos / odd.file))
    if args.anchors:
        cases.append(Case("hands before the face, photo", args.anchors / "3_input.png"))
    tools = Tools(policy=load_policy(DEFAULT, device="cpu"), pictures=2 * len(cases))
    found = evaluate(cases, tools)
    found.notes.append("Odd pictures. Those called built were made from portraits for this page.")
    write.write(args.out, found, tools)
    for name, reason in found.left_out.items():
        print(f"left out: {name}: {reason}")


if __name__ == "__main__":
    main()
