"""Photos in and out: pixels, colour, metadata."""

from engine.imageio.read import MAX_PIXELS, read_photo, supported_suffixes
from engine.imageio.write import refuse_collision, write_atomically, write_photo

__all__ = [
    "MAX_PIXELS",
    "read_photo",
    "refuse_collision",
    "supported_suffixes",
    "write_atomically",
    "write_photo",
]
