"""Decoders: bytes of a file to samples as stored, with the blocks around them. One function per format."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from engine.errors import ImageReadError
from engine.imageio.containers import Blocks, check_heic_items, jpeg_blocks, png_blocks, webp_blocks
from engine.imageio.exif import Tree
from engine.imageio.metadata import blocks_of_tree
from engine.imageio.profiles import display_p3_profile, prophoto_profile

# What a decoder warns of (damaged text chunks, odd profiles) is checked and said by `containers` and `colour`.
logging.getLogger("imagecodecs").setLevel(logging.CRITICAL)

REEXPORT = "Open it in another program, save it as TIFF or JPEG, and try again."


@dataclass
class Decoded:
    """samples: (h, w) or (h, w, channels) uint8 or uint16 of `model` ("gray", "rgb" or "cmyk", full ink = full scale),
    without alpha. tree: directories of a TIFF or raw file. upright: the decoder has applied the orientation.
    compression: as in `Photo`."""

    samples: npt.NDArray[Any]
    blocks: Blocks
    model: str = "rgb"
    alpha: npt.NDArray[Any] | None = None
    tree: Tree | None = None
    upright: bool = False
    notes: list[str] = field(default_factory=list)
    compression: str = ""


@dataclass(frozen=True)
class Source:
    """A file being read: its name for messages, its bytes, and the greatest number of pixels accepted."""

    name: str
    data: bytes
    max_pixels: int

    def check_size(self, width: int, height: int) -> None:
        """Before any pixel is decoded. Raises: ImageReadError."""
        if width < 1 or height < 1:
            raise ImageReadError(f"{self.name} says that it has no pixels.", "Copy it again from its source.")
        if width * height > self.max_pixels:
            raise ImageReadError(
                f"{self.name} has {width} × {height} pixels, more than the limit of {self.max_pixels / 1e6:.0f} MP.",
                "Make a smaller copy of it and try again.",
            )

    def refuse_animation(self, frames: int) -> None:
        if frames > 1:
            raise ImageReadError(
                f"{self.name} is an animation of {frames} pictures.", "Save one picture of it as PNG and try again."
            )


def decode_jpeg(source: Source) -> Decoded:
    """Baseline and progressive JPEG, 8 or 12 bit; grey, RGB, CMYK."""
    blocks = jpeg_blocks(source.data)
    source.check_size(*blocks.size)
    if blocks.channels == 4:
        ink = imagecodecs.jpeg8_decode(source.data, outcolorspace="CMYK")
        return Decoded(255 - ink if blocks.adobe else ink, blocks, "cmyk", notes=blocks.notes)
    samples = imagecodecs.jpeg8_decode(source.data)
    if samples.dtype == np.uint16:
        samples = samples << 4 | samples >> 8
        blocks.notes.append("A 12-bit JPEG is read as 16 bit.")
    return Decoded(samples, blocks, "gray" if samples.ndim == 2 else "rgb", notes=blocks.notes)


def decode_png(source: Source) -> Decoded:
    """PNG of every colour type; 16 bit stays 16 bit."""
    blocks = png_blocks(source.data)
    source.check_size(*blocks.size)
    source.refuse_animation(blocks.frames)
    return _split(imagecodecs.png_decode(source.data), blocks)


def decode_webp(source: Source) -> Decoded:
    """Lossy and lossless WebP."""
    blocks = webp_blocks(source.data)
    source.check_size(*blocks.size)
    source.refuse_animation(blocks.frames)
    return _split(imagecodecs.webp_decode(source.data), blocks)


def _split(samples: npt.NDArray[Any], blocks: Blocks) -> Decoded:
    """Take alpha (a second or fourth channel) apart."""
    if samples.ndim == 2:
        return Decoded(samples, blocks, "gray", notes=blocks.notes)
    channels = samples.shape[2]
    alpha = samples[..., -1] if channels in (2, 4) else None
    if channels <= 2:
        return Decoded(samples[..., 0], blocks, "gray", alpha, notes=blocks.notes)
    return Decoded(samples[..., :3], blocks, "rgb", alpha, notes=blocks.notes)


def decode_heic(source: Source) -> Decoded:
    """HEIC's main picture; 10 and 12 bit are read as 16 bit. libheif turns and mirrors it as the file says."""
    import pi_heif

    check_heic_items(source.data)
    container = pi_heif.open_heif(io.BytesIO(source.data), convert_hdr_to_8bit=False)
    picture: Any = container[container.primary_index]
    source.check_size(*picture.size)
    if picture.info.get("image_type") == "hvc1-sequence":
        source.refuse_animation(2)
    blocks = Blocks(size=picture.size, icc=picture.info.get("icc_profile"))
    blocks.exif = (picture.info.get("exif") or b"").removeprefix(b"Exif\0\0") or None
    blocks.xmp = picture.info.get("xmp") or None
    nclx = picture.info.get("nclx_profile") or {}
    if blocks.icc is None:
        if nclx.get("transfer_characteristics") in (16, 18):
            raise ImageReadError(f"{source.name} stores high dynamic range colour (PQ or HLG).", REEXPORT)
        if nclx.get("color_primaries") in (11, 12):
            blocks.icc = display_p3_profile()
            blocks.notes.append("A Display P3 profile is embedded to match the file's colour tags.")
    # A copy, since the library frees its own memory; its rows may be padded.
    decoded = _split(np.array(picture)[:, : picture.size[0]], blocks)
    decoded.upright = True
    if decoded.samples.dtype == np.uint16:
        decoded.notes.append(f"A {picture.info.get('bit_depth', 10)}-bit HEIC is read as 16 bit.")
    return decoded


def decode_raw(source: Source, tree: Tree | None) -> Decoded:
    """Camera raw through LibRaw: camera white balance, AHD, 16-bit ProPhoto RGB with gamma 1.8, no auto-brightening."""
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(source.data)) as raw:
            source.check_size(raw.sizes.width, raw.sizes.height)
            samples = raw.postprocess(
                demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD,
                use_camera_wb=True,
                no_auto_bright=True,
                output_color=rawpy.ColorSpace.ProPhoto,
                output_bps=16,
                gamma=(1.8, 0),
            )
            blocks = _raw_blocks(raw, tree)
    except rawpy.LibRawError as error:
        hint = "Convert it to DNG or TIFF and try again."
        raise ImageReadError(f"{source.name} is a raw file that cannot be decoded.", hint) from error
    blocks.size = (samples.shape[1], samples.shape[0])
    blocks.icc = prophoto_profile()
    notes = ["The raw file was developed to 16-bit ProPhoto RGB with the camera's white balance."]
    if tree is None and blocks.exif is None:
        notes.append("The raw file's EXIF could not be read.")
    return Decoded(samples, blocks, "rgb", tree=tree, upright=True, notes=notes)


def _raw_blocks(raw: Any, tree: Tree | None) -> Blocks:
    """XMP and IPTC; of raw files that are not TIFF structures, those and the EXIF of the JPEG inside them."""
    import rawpy

    if tree is not None:
        found = blocks_of_tree(tree)
        return Blocks(xmp=found.xmp, iptc=found.iptc)
    try:
        thumbnail = raw.extract_thumb()
        found = jpeg_blocks(bytes(thumbnail.data)) if thumbnail.format == rawpy.ThumbFormat.JPEG else Blocks()
    except (rawpy.LibRawError, ValueError):
        return Blocks()
    return Blocks(exif=found.exif, xmp=found.xmp, iptc=found.iptc)
