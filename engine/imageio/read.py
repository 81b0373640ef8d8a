"""`read_photo`: any supported file to an upright RGB `Photo`, or one clear error. Files are opened for reading only."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import ColourProfileError, EngineError, ImageReadError
from engine.imageio import colour
from engine.imageio.containers import BrokenContainer
from engine.imageio.decode import (
    REEXPORT,
    Decoded,
    Source,
    decode_heic,
    decode_jpeg,
    decode_png,
    decode_raw,
    decode_webp,
)
from engine.imageio.exif import DNG_VERSION, SUB_IFDS, Tree, read_tree
from engine.imageio.metadata import is_adobe_rgb, orientation_of, upright_metadata
from engine.imageio.profiles import PROFILE_HINT, adobe_rgb_profile, profile_space, rgb_profile_of_grey
from engine.types import Photo

MAX_PIXELS = 300_000_000
COPY_AGAIN = "Copy it again from its source."
_HEAD = 64

_SUFFIXES = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "webp": (".webp",),
    "tiff": (".tif", ".tiff"),
    "heic": (".heic", ".heif", ".hif"),
    "raw": (
        *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".orf", ".rw2", ".raf", ".pef"),
        *(".srw", ".3fr", ".fff", ".iiq", ".erf", ".mef", ".mos", ".mrw", ".kdc", ".dcr", ".rwl"),
    ),
}
_FORMAT_OF = {suffix: name for name, suffixes in _SUFFIXES.items() for suffix in suffixes}
_NAMES = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "tiff": "TIFF", "heic": "HEIC", "raw": "camera raw"}
_RAW_MAGIC = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_FOREIGN = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"%PDF": "a PDF document",
    b"8BPS": "a Photoshop document",
    b"gimp xcf": "a GIMP document",
    b"PK\x03\x04": "an archive or document",
    b"v/1\x01": "an OpenEXR picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\0\0\0\x0cjP": "a JPEG 2000 picture",
    b"ftyp": "a video or an AVIF picture",
}


def supported_suffixes() -> frozenset[str]:
    """Lower-case suffixes, with their dot, of the files that `read_photo` takes; for scanning folders."""
    return frozenset(_FORMAT_OF)


def is_raw_name(name: str) -> bool:
    """Whether a file is named as a camera raw file."""
    return _FORMAT_OF.get(Path(name).suffix.lower()) == "raw"


def read_photo(path: Path, *, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a photo upright, in its own colours and depth.

    The content decides the format, not the suffix. Grey becomes RGB with a matching profile, CMYK becomes sRGB through
    its embedded profile, floating point becomes 16 bit; each is declared in `Photo.notes`.
    Raises: ImageReadError (not readable, damaged, too large, animated, unsupported), ColourProfileError.
    """
    path = Path(path)
    try:
        return _read(path, _bytes_of(path), max_pixels)
    except EngineError as error:
        if not error.message.startswith(path.name):
            error.message = f"{path.name}: {error.message[0].lower()}{error.message[1:]}"
        raise
    except BrokenContainer as error:
        raise ImageReadError(f"{path.name} {error}.", COPY_AGAIN) from error
    except MemoryError as error:
        raise ImageReadError(f"{path.name} does not fit into memory.", "Close other programs and try again.") from error
    except Exception as error:  # decoders raise whatever they like on damaged files
        message = f"{path.name} is damaged and cannot be decoded."
        raise ImageReadError(message, COPY_AGAIN, cause=f"{type(error).__name__}: {error}") from error


def _bytes_of(path: Path) -> bytes:
    """The whole file, if its head is that of a photo. Raises: ImageReadError.

    Not memory-mapped: a file that shrinks meanwhile (a cut network, a camera still writing) would end the process.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if not head:
                raise ImageReadError(f"{path.name} is empty.", COPY_AGAIN)
            _family(path, head)
            return head + file.read()
    except FileNotFoundError as error:
        raise ImageReadError(f"{path.name} does not exist.", "Check the path.") from error
    except (IsADirectoryError, PermissionError) as error:
        if path.is_dir():
            raise ImageReadError(f"{path.name} is a folder.", "Name a photo in it.") from error
        raise ImageReadError(f"{path.name} may not be read.", "Give yourself the right to read it.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        name = path.name if len(path.name) <= 80 else path.name[:79] + "…"
        raise ImageReadError(f"{name} cannot be opened ({reason}).", "Check the path and the drive.") from error


def _read(path: Path, data: bytes, max_pixels: int) -> Photo:
    source = Source(path.name, data, max_pixels)
    kind, tree = _sniff(path, data)
    decoded = _decode(source, kind, tree)
    notes = list(decoded.notes)
    if _FORMAT_OF.get(path.suffix.lower()) != kind and path.suffix:
        notes.insert(0, f"The file is named {path.suffix} but is a {_NAMES[kind]} file.")
    pixels, icc = _to_rgb(source, decoded, notes)
    if icc is None and is_adobe_rgb(decoded.blocks.exif):
        icc = adobe_rgb_profile()
        notes.append("EXIF says Adobe RGB; a matching profile is embedded.")
    if icc is not None:
        colour.check_rgb_profile(icc)
    orientation = orientation_of(decoded.blocks, decoded.tree)
    metadata, left_out = upright_metadata(decoded.blocks, orientation, decoded.tree, raw=kind == "raw")
    turn = 1 if decoded.upright else orientation
    return Photo(
        pixels=turned(pixels, turn),
        icc=icc,
        metadata=metadata,
        path=path,
        format=kind,
        notes=(*notes, *left_out),
        alpha=None if decoded.alpha is None else turned(decoded.alpha, turn),
        compression=decoded.compression,
    )


def _decode(source: Source, kind: str, tree: Tree | None) -> Decoded:
    if kind == "tiff":
        from engine.imageio.tiff import decode_tiff

        if tree is None:
            raise ImageReadError(f"{source.name} is damaged and cannot be decoded.", COPY_AGAIN)
        return decode_tiff(source, tree)
    if kind == "raw":
        return decode_raw(source, tree)
    decoders = {"jpeg": decode_jpeg, "png": decode_png, "webp": decode_webp, "heic": decode_heic}
    return decoders[kind](source)


def _family(path: Path, head: bytes) -> str:
    """Format by the first bytes; "tiff" may still be a raw file. Raises: ImageReadError for all other files."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if head.startswith(_RAW_MAGIC) or head[4:12] == b"ftypcrx ":
        return "raw"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and b"avif" not in head:
        return "heic"
    for magic, what in _FOREIGN.items():
        if head.startswith(magic) or (magic == b"ftyp" and head[4:8] == magic):
            hint = "Export it as JPEG, PNG or TIFF and try again."
            raise ImageReadError(f"{path.name} is {what}, which is not supported.", hint)
    if _FORMAT_OF.get(path.suffix.lower()) == "raw":
        return "raw"
    raise ImageReadError(f"{path.name} is not a photo in a known format or is damaged.", COPY_AGAIN)


def _sniff(path: Path, data: bytes) -> tuple[str, Tree | None]:
    """(format, TIFF directories if it has such a structure)."""
    family = _family(path, data[:_HEAD])
    tree = None
    if family in ("tiff", "raw"):
        with suppress(ValueError):
            tree = read_tree(data)
    is_raw = family == "raw" or (family == "tiff" and _is_raw(tree, data, path.suffix.lower()))
    return ("raw" if is_raw else family), tree


def _is_raw(tree: Tree | None, data: bytes, suffix: str) -> bool:
    """Whether a TIFF structure is a camera raw file: DNG, CR2, or a sensor picture behind a thumbnail."""
    if data[8:10] == b"CR" or _FORMAT_OF.get(suffix) == "raw":
        return True
    if tree is None:
        return False
    mosaic = tree.number(0, 262) in (32803, 34892)
    thumbnail_first = bool((tree.number(0, 254) or 0) & 1) and SUB_IFDS in tree.ifd0
    return DNG_VERSION in tree.ifd0 or mosaic or thumbnail_first


def _to_rgb(source: Source, decoded: Decoded, notes: list[str]) -> tuple[npt.NDArray[Any], bytes | None]:
    """RGB pixels and their profile; other colour models are converted and the conversion is noted."""
    icc = decoded.blocks.icc
    samples = decoded.samples
    channels = {"gray": (), "rgb": (3,), "cmyk": (4,)}[decoded.model]
    if samples.shape[2:] != channels or samples.dtype not in (np.uint8, np.uint16):
        raise ImageReadError(
            f"{source.name} stores its colours in an unknown way ({samples.dtype}, {samples.shape[2:]}).", REEXPORT
        )
    if icc == b"":
        raise ColourProfileError(f"{source.name} has a damaged colour profile.", PROFILE_HINT)
    if decoded.model == "gray":
        rgb = np.repeat(samples[..., None], 3, axis=2)
        notes.append("A grey photo is handled as RGB with the same tone curve.")
        return rgb, None if icc is None else rgb_profile_of_grey(icc)
    if decoded.model == "cmyk":
        if icc is None or profile_space(icc) != "cmyk":
            raise ColourProfileError(
                f"{source.name} is CMYK without a CMYK profile, so its colours are unknown.",
                "Convert it to RGB in the program that made it and try again.",
            )
        notes.append("CMYK was converted to sRGB through the embedded profile.")
        return colour.cmyk_to_srgb(np.ascontiguousarray(samples), icc), None
    return samples, icc


def turned(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """(h, w, …) pixels as EXIF orientation 1–8 wants them shown, contiguous."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
