"""Write resources/models/catalogue.json anew after weights were built: python -m installer.update_catalogue

Sizes and checksums are taken from the files; what a file is for and its licence are kept, or taken from `DESCRIPTIONS`.
Exit code 1 if a file has no description.
"""

from __future__ import annotations

import sys

from engine.faces import models
from engine.paths import shipped_models
from engine.weights.catalogue import refresh

_MEDIAPIPE = "Apache-2.0 (MediaPipe)"
DESCRIPTIONS = {
    "compact/heal.safetensors": ("Compact policy: finds and heals marks", "Apache-2.0"),
    "compact/field.safetensors": ("Compact policy: the flow over the retouch field", "Apache-2.0"),
    "reward/prior.safetensors": ("Reward: what is believed of a taste before its first pick", "Apache-2.0"),
    f"faces/{models.SHORT_RANGE}": ("Faces", _MEDIAPIPE),
    f"faces/{models.FULL_RANGE}": ("Small faces in large frames", _MEDIAPIPE),
    f"faces/{models.LANDMARKS}": ("Landmarks of a face", _MEDIAPIPE),
    f"faces/{models.PALMS}": ("Hands before a face: where", _MEDIAPIPE),
    f"faces/{models.HANDS}": ("Hands before a face: landmarks", _MEDIAPIPE),
    f"faces/{models.PERSON}": ("Person mask", _MEDIAPIPE),
    f"faces/{models.IDENTITY}": (
        "Face embedding, to measure that a person stays the same",
        "CC0-1.0 (dlib_face_recognition_resnet_model_v1)",
    ),
}
"""path → (purpose, licence)"""


def main() -> int:
    files = refresh(shipped_models(), DESCRIPTIONS)
    for file in files:
        print(f"{file.sha256[:12]}  {file.size:>10}  {file.path}  {file.purpose or 'NO DESCRIPTION'}, {file.licence}")
    return 0 if all(file.purpose and file.licence for file in files) else 1


if __name__ == "__main__":
    sys.exit(main())
