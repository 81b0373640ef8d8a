"""Rebuild the face and hand models in resources/models/faces from the Python packages that carry the originals.

    python -m installer.build_face_models OUT        MediaPipe's networks (needs mediapipe>=1.2 and flatbuffers here)

Downloads the mediapipe 0.10.21 wheel with pip (nothing of it is installed or run), takes the .tflite files out of it
and checks every result against the checksums of the models' README.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from engine.faces import models
from installer.face_landmark_graph import one_output

WHEEL = "mediapipe==0.10.21"
MODULES = "mediapipe/modules/"
SHA256 = {
    models.SHORT_RANGE: "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    models.FULL_RANGE: "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    models.LANDMARKS: "4517c914336b2d7c5a70d9f758fe46ccb4e33d6b214c1d1006bf9c77ff43ee8f",
    models.PALMS: "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    models.HANDS: "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    models.PERSON: "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
}


def download(package: str, folder: Path, *more: str) -> Path:
    """Fetch one package file with pip."""
    command = [sys.executable, "-m", "pip", "download", package, "--no-deps", "-q", "-d", str(folder), *more]
    subprocess.run(command, check=True)
    return next(folder.iterdir())


def build(wheel: Path) -> dict[str, bytes]:
    """File name → contents of every model that comes from the wheel."""
    with zipfile.ZipFile(wheel) as archive:

        def original(path: str) -> bytes:
            return archive.read(f"{MODULES}{path}.tflite")

        return {
            models.SHORT_RANGE: original("face_detection/face_detection_short_range"),
            models.FULL_RANGE: original("face_detection/face_detection_full_range_sparse"),
            models.LANDMARKS: one_output(original("face_landmark/face_landmark_with_attention")),
            models.PALMS: original("palm_detection/palm_detection_full"),
            models.HANDS: original("hand_landmark/hand_landmark_full"),
            models.PERSON: original("selfie_segmentation/selfie_segmentation"),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path)
    parser.add_argument("--wheel", type=Path, help="an already downloaded wheel")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        where = ("--python-version", "3.11", "--only-binary", ":all:", "--platform", "manylinux_2_28_x86_64")
        files = build(options.wheel or download(WHEEL, Path(folder), *where))
    wrong = 0
    for name, data in files.items():
        digest = hashlib.sha256(data).hexdigest()
        (options.out / name).write_bytes(data)
        same = digest == SHA256[name]
        wrong += not same
        print(f"{digest}  {name}{'' if same else '  DIFFERS from the published checksum'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
