"""Small photo files for tests, made with libraries other than the code under test (Pillow's and tifffile's writers)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pillow_heif
import tifffile
from PIL import Image
from PIL import TiffImagePlugin as Tiff
from PIL.TiffImagePlugin import IFDRational as Ratio

Array = npt.NDArray[Any]

PROPHOTO = bytes(
    imagecodecs.cms_profile(
        "rgb", whitepoint=(0.3457, 0.3585), primaries=(0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001), gamma=1.8
    )
)
ADOBE_RGB = bytes(imagecodecs.cms_profile("adobergb"))
DISPLAY_P3 = bytes(
    imagecodecs.cms_profile(
        "rgb", whitepoint=(0.3127, 0.3290), primaries=(0.680, 0.320, 0.265, 0.690, 0.150, 0.060), gamma=2.2
    )
)
GREY_GAMMA_18 = bytes(imagecodecs.cms_profile("gray", whitepoint=(0.3457, 0.3585), gamma=1.8))

XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'xmp:Rating="4" tiff:Orientation="%d">'
    b"<dc:creator><rdf:Seq><rdf:li>J\xc3\xbcrgen F.</rdf:li></rdf:Seq></dc:creator>"
    b'</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
MAKER_NOTE = b"Maker\0" + bytes(range(200))
GPS_LATITUDE = (Ratio(48), Ratio(51), Ratio(2999, 100))


def xmp(orientation: int = 1) -> bytes:
    return XMP % orientation


def iptc() -> bytes:
    """An IIM block: UTF-8 marker, title, two keywords, city."""
    records = [(1, 90, b"\x1b%G"), (2, 5, "Porträt".encode()), (2, 25, b"studio"), (2, 25, b"skin"), (2, 90, b"Wien")]
    return b"".join(struct.pack(">BBBH", 0x1C, record, kind, len(data)) + data for record, kind, data in records)


def exif(orientation: int = 1, *, size: tuple[int, int] = (6, 4), thumbnail: bytes = b"", order: str = "<") -> bytes:
    """An EXIF block (no "Exif" prefix) of IFD0, Exif, GPS and interoperability fields, as Pillow writes it; with IFD1
    and its JPEG if `thumbnail` is given."""
    block = Image.Exif()
    block.endian = order
    block[270], block[271], block[272] = "A portrait", "Porelight", "Model 7"
    block[274], block[315], block[33432], block[18246] = orientation, "Juergen F.", "(c) 2026", 4
    block[282], block[283], block[296] = 300.0, 300.0, 2
    block.get_ifd(34665).update(
        {
            33434: Ratio(1, 160),
            33437: Ratio(28, 10),
            34855: 400,
            36867: "2026:11:23 09:00:00",
            37500: MAKER_NOTE,
            40961: 65535,
            40962: size[0],
            40963: size[1],
            42036: "85mm F1.4",
        }
    )
    block.get_ifd(34665)[40965] = {1: "R98", 2: b"0100"}
    longitude = (Ratio(2), Ratio(17), Ratio(4))
    block.get_ifd(34853).update({0: b"\2\3\0\0", 1: "N", 2: GPS_LATITUDE, 3: "E", 4: longitude})
    data = block.tobytes().removeprefix(b"Exif\0\0")
    return _with_thumbnail(data, order, thumbnail) if thumbnail else data


def _with_thumbnail(block: bytes, order: str, jpeg: bytes) -> bytes:
    out = bytearray(block + b"\0" * (len(block) & 1))
    ifd0 = struct.unpack_from(order + "I", out, 4)[0]
    link = ifd0 + 2 + 12 * struct.unpack_from(order + "H", out, ifd0)[0]
    struct.pack_into(order + "I", out, link, len(out))
    data_at = len(out) + 2 + 12 * 3 + 4
    entries = ((259, 3, 1, 6), (513, 4, 1, data_at), (514, 4, 1, len(jpeg)))
    out += struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        packed = struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        out += struct.pack(order + "HHI", tag, kind, count) + packed
    return bytes(out + bytes(4) + jpeg)


def jpeg_bytes(pixels: Array, **options: Any) -> bytes:
    """Pillow's JPEG of uint8 pixels: (h, w), (h, w, 3) or (h, w, 4) CMYK."""
    picture = Image.fromarray(pixels, "CMYK") if pixels.ndim == 3 and pixels.shape[2] == 4 else Image.fromarray(pixels)
    out = io.BytesIO()
    picture.save(out, "JPEG", **{"quality": 100, "subsampling": 0, **options})
    return out.getvalue()


def with_app13(jpeg: bytes, block: bytes) -> bytes:
    """A JPEG with an IIM block in a Photoshop segment, behind another resource as Photoshop writes them."""
    resources = b"8BIM" + struct.pack(">HBBI", 0x03ED, 0, 0, 4) + b"\0\1\0\0"
    resources += b"8BIM" + struct.pack(">HBBI", 0x0404, 0, 0, len(block)) + block + b"\0" * (len(block) & 1)
    body = b"Photoshop 3.0\0" + resources
    return jpeg[:2] + struct.pack(">BBH", 0xFF, 0xED, len(body) + 2) + body + jpeg[2:]


def photo_file(folder: Path, kind: str, pixels: Array, orientation: int = 1, icc: bytes | None = ADOBE_RGB) -> Path:
    """A file with every block that its kind can hold. kind: "jpeg", "png", "webp", "tiff", "heic"."""
    height, width = pixels.shape[:2]
    block, packet = exif(orientation, size=(width, height)), xmp(orientation)
    path = folder / f"photo_{orientation}.{kind}"
    if kind == "jpeg":
        data = jpeg_bytes(pixels, exif=b"Exif\0\0" + block, icc_profile=icc, xmp=packet, dpi=(240, 240))
        path.write_bytes(with_app13(data, iptc()))
    elif kind == "png":
        data = bytes(imagecodecs.png_encode(pixels))
        resource = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc())) + iptc() + b"\0" * (len(iptc()) & 1)
        profile = b"\niptc\n%8d\n%s\n" % (len(resource), resource.hex().encode())
        chunks = [
            (b"iCCP", b"x\0\0" + zlib.compress(icc or b"")) if icc else None,
            (b"eXIf", block),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet),
            (b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(profile)),
            (b"pHYs", struct.pack(">IIB", 9449, 9449, 1)),
        ]
        path.write_bytes(with_png_chunks(data, [chunk for chunk in chunks if chunk]))
    elif kind == "webp":
        Image.fromarray(pixels).save(path, lossless=True, exact=True, exif=block, icc_profile=icc or b"", xmp=packet)
    elif kind == "heic":
        picture = pillow_heif.from_pillow(Image.fromarray(pixels))
        options: dict[str, Any] = {"icc_profile": icc} if icc else {}
        picture.save(path, quality=-1, chroma=444, exif=b"Exif\0\0" + block, xmp=packet, **options)
    else:
        path.write_bytes(tiff_bytes(pixels, icc, block, packet, iptc(), orientation))
    return path


def with_png_chunks(png: bytes, chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A PNG with chunks behind its header."""
    extra = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return png[:33] + extra + png[33:]


def tiff_bytes(
    pixels: Array, icc: bytes | None, exif_block: bytes, packet: bytes, iim: bytes, orientation: int, dpi: float = 240
) -> bytes:
    """An RGB TIFF with all blocks, laid out by Pillow's directory writer."""
    source = Image.Exif()
    source.load(exif_block)
    height, width, channels = pixels.shape
    bits = pixels.dtype.itemsize * 8
    out = bytearray(b"II*\0" + bytes(4))
    ifd = Tiff.ImageFileDirectory_v2(b"II*\0" + bytes(4))
    for tag, value in source.items():
        if tag not in (34665, 34853):
            ifd[tag] = value
    for tag in (34665, 34853):
        sub = Tiff.ImageFileDirectory_v2(b"II*\0" + bytes(4), group=tag)
        for key, value in source.get_ifd(tag).items():
            if key != 40965:
                sub[key] = value
        ifd.tagtype[tag] = Tiff.TiffTags.LONG
        ifd[tag] = len(out)
        out += sub.tobytes(len(out))
        out += b"\0" * (len(out) & 1)
    strip_at = len(out)
    out += pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    out += b"\0" * (len(out) & 1)
    ifd[256], ifd[257], ifd[258], ifd[259], ifd[262] = width, height, (bits,) * channels, 1, 2
    ifd[274], ifd[277], ifd[278], ifd[284], ifd[282], ifd[283], ifd[296] = orientation, channels, height, 1, dpi, dpi, 2
    for tag, kind, block in ((34675, 7, icc), (700, 1, packet), (33723, 7, iim)):
        if block:
            ifd.tagtype[tag] = kind
            ifd[tag] = block
    ifd.tagtype[273] = ifd.tagtype[279] = Tiff.TiffTags.LONG
    ifd[279] = strip_at
    ifd[279], ifd[273] = pixels.nbytes, 0
    directory_at = len(out)
    laid_out = ifd.tobytes(directory_at)
    # Pillow adds the directory's end to tag 273, for pixels behind it; here they lie before it.
    shift = len(laid_out) + directory_at
    entry = laid_out.find(struct.pack("<HHI", 273, 4, 1))
    laid_out = laid_out[: entry + 8] + struct.pack("<I", strip_at) + laid_out[entry + 12 :]
    assert shift > strip_at
    struct.pack_into("<I", out, 4, directory_at)
    return bytes(out + laid_out)


@dataclass(frozen=True)
class Fields:
    """What Pillow sees in a file: directory → tag → value."""

    ifd0: dict[int, Any]
    exif: dict[int, Any]
    gps: dict[int, Any]


DESCRIPTIVE = (270, 271, 272, 315, 33432, 18246)
"""IFD0 fields that describe the photo rather than how it is stored."""


def fields_of(path: Path) -> Fields:
    with Image.open(path) as picture:
        found = picture.getexif()
        return Fields(dict(found), _plain(found.get_ifd(34665)), _plain(found.get_ifd(34853)))


def fields_of_block(block: bytes) -> Fields:
    found = Image.Exif()
    found.load(block)
    return Fields(dict(found), _plain(found.get_ifd(34665)), _plain(found.get_ifd(34853)))


def _plain(ifd: dict[int, Any]) -> dict[int, Any]:
    return {tag: value for tag, value in ifd.items() if tag != 40965}


def gradient(height: int = 13, width: int = 17, dtype: Any = np.uint8) -> Array:
    """A smooth (height, width, 3) picture whose corners all differ."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    full = np.iinfo(dtype).max
    return np.rint(np.stack((0.1 + 0.8 * x, 0.2 + 0.6 * y, 0.9 - 0.5 * x * y), axis=-1) * full).astype(dtype)


def cmyk_profile() -> bytes:
    """A CMYK profile with a 2⁴ table whose corners are naive (1 - ink) (1 - black) sRGB, as L*a*b*."""
    corners = np.array(list(np.ndindex(2, 2, 2, 2)), np.float32)
    rgb = (1 - corners[:, :3]) * (1 - corners[:, 3:])
    lab = imagecodecs.cms_transform(
        rgb[None],
        imagecodecs.cms_profile("srgb"),
        imagecodecs.cms_profile("lab4"),
        colorspace="rgb",
        outcolorspace="lab",
        outdtype="float32",
        intent=1,
    )[0]
    codes = np.rint(np.stack((lab[:, 0] * 652.8, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256), 1)).clip(0, 65535)
    ramp = np.array([0, 65535], ">u2").tobytes()
    lut = b"mft2" + bytes(4) + bytes((4, 3, 2, 0)) + (np.eye(3) * 65536).astype(">i4").tobytes()
    lut += struct.pack(">HH", 2, 2) + ramp * 4 + codes.astype(">u2").tobytes() + ramp * 3
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"CMYK\0" + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    tags = [(b"desc", text), (b"wtpt", white), (b"cprt", b"text" + bytes(4) + b"none\0\0\0\0"), (b"A2B0", lut)]
    tags += [(b"A2B1", lut), (b"A2B2", lut)]
    body, table = b"", struct.pack(">I", len(tags))
    for name, data in tags:
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    header = bytearray(128)
    header[8:12] = b"\x02\x40\0\0"
    header[12:24] = b"prtrCMYKLab "
    header[24:36] = struct.pack(">6H", 2026, 11, 23, 0, 0, 0)
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">iii", 63190, 65536, 54061)
    struct.pack_into(">I", header, 0, 132 + 12 * len(tags) + len(body))
    return bytes(header) + table + body


def dng_file(path: Path, linear: Array, flip: int = 1) -> Path:
    """A Bayer DNG of (h, w, 3) linear sRGB values in 0–1; neutral at (0.5, 1, 0.7) so that white balance matters."""
    black, white = 512, 16512
    height, width = linear.shape[:2]
    mosaic = np.empty((height, width), np.uint16)
    for (y, x), channel, gain in (((0, 0), 0, 0.5), ((0, 1), 1, 1.0), ((1, 0), 1, 1.0), ((1, 1), 2, 0.7)):
        mosaic[y::2, x::2] = linear[y::2, x::2, channel] * gain * (white - black) + black
    xyz_to_camera = [3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570]

    def rational(values: list[float]) -> list[int]:
        return [part for value in values for part in (round(value * 10000), 10000)]

    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50707, "B", 4, (1, 1, 0, 0), True),
        (50708, "s", 0, "Synthetic", True),
        (271, "s", 0, "Synth", True),
        (272, "s", 0, "Cam", True),
        (315, "s", 0, "Juergen F.", True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50714, "H", 1, black, True),
        (50717, "I", 1, white, True),
        (50721, "2i", 9, rational(xyz_to_camera), True),
        (50728, "2I", 3, rational([0.5, 1.0, 0.7]), True),
        (50778, "H", 1, 21, True),
        (274, "H", 1, flip, True),
        (700, "B", len(xmp(flip)), xmp(flip), True),
    ]
    tifffile.imwrite(path, mosaic, photometric=32803, extratags=tags, metadata=None, software=False)
    return path
